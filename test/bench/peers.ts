import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../harness/free-port.ts';
import { startProcess } from '../harness/process.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { type Candidate, cores, pin } from './candidate.ts';
import { dispose, makePrefix, startPeer, waitUntilItListens } from './peer-process.ts';
import { issuer, tokenSecret } from './tokens.ts';
import { consumerName, equalityPath, type Upstreams } from './workload.ts';

export type PeerOptions = {
  /** Default 1. */
  readonly workers?: number;
  /** What it is tied to. Default: the proxy's core, and the load's for the upstream. */
  readonly core?: number | string;
};

/** nginx as a proxy, and a second one in front of the recording origin. */
export function startNginx(upstreams: Upstreams, options: PeerOptions = {}): Promise<Candidate> {
  return startPair('nginx', 'proxy.nginx.conf', upstreams, { WORKERS: String(options.workers ?? 1) }, options.core);
}

/** HAProxy as a proxy, likewise. */
export function startHaproxy(upstreams: Upstreams): Promise<Candidate> {
  return startPair('haproxy', 'proxy.haproxy.cfg', upstreams);
}

/** HAProxy that asks for the given keys, with a limit for each of their consumers. */
export function startHaproxyKeys(upstreams: Upstreams, secrets: readonly string[]): Promise<Candidate> {
  const keys = secrets.map((secret, consumer) => `${secret} ${consumerName(consumer)}\n`);
  return startWithMap('policies.haproxy.cfg', upstreams, 'KEYS', keys);
}

/** HAProxy that asks for a token of the bench's issuer, with a limit for each consumer that it names. */
export function startHaproxyJwt(upstreams: Upstreams, consumers: readonly string[]): Promise<Candidate> {
  const values = { ISSUER: issuer, SECRET: tokenSecret };
  const known = consumers.map((name) => `${name} 1\n`);
  return startWithMap('jwt.haproxy.cfg', upstreams, 'CONSUMERS', known, values);
}

/** A gateway of the Node ecosystem, `peers/NAME.ts`, run by the Node that runs Sluice. */
export async function startNodeGateway(name: string, upstreams: Upstreams): Promise<Candidate> {
  const start = async (upstream: number) => {
    const port = await freePort();
    const script = join(import.meta.dirname, 'peers', `${name}.ts`);
    const args = [script, String(port), String(upstream)];
    const running = await startProcess({ name, program: process.execPath, args });
    await waitUntilItListens(running, port);
    return { port, running };
  };
  const main = await start(upstreams.main);
  const equality = await start(upstreams.equality);
  pin(main.running.pid, cores.proxy);
  return {
    name,
    port: main.port,
    pid: main.running.pid,
    equalityPort: equality.port,
    equalityPath,
    async [Symbol.asyncDispose]() {
      await Promise.all([main.running.kill(), equality.running.kill()]);
    },
  };
}

/** HAProxy with one more file: a map of one "KEY VALUE" on each line, whose path its configuration takes from this variable. */
async function startWithMap(
  file: string,
  upstreams: Upstreams,
  variable: string,
  lines: readonly string[],
  values: Readonly<Record<string, string>> = {},
): Promise<Candidate> {
  const dir = await makeTempDir('bench-map');
  const path = join(dir.path, 'entries.map');
  await writeFile(path, lines.join(''));
  const pair = await startPair('haproxy', file, upstreams, { ...values, [variable]: path });
  return {
    ...pair,
    async [Symbol.asyncDispose]() {
      await pair[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

async function startPair(
  name: 'nginx' | 'haproxy',
  file: string,
  upstreams: Upstreams,
  more: Readonly<Record<string, string>> = {},
  core: number | string = cores.proxy,
): Promise<Candidate> {
  const [port, equalityPort] = [await freePort(), await freePort()];
  const [dir, equalityDir] = [await makePrefix(name), await makePrefix(name)];
  const process = await startPeer(name, file, dir, { ...more, PORT: port, UPSTREAM: upstreams.main });
  const values = { ...more, PORT: equalityPort, UPSTREAM: upstreams.equality };
  const equality = await startPeer(name, file, equalityDir, values);
  pin(process.pid, core);
  return {
    name,
    port,
    pid: process.pid,
    equalityPort,
    equalityPath,
    async [Symbol.asyncDispose]() {
      await dispose([process], dir);
      await dispose([equality], equalityDir);
    },
  };
}
