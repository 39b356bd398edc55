import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../harness/free-port.ts';
import { type RunningProcess, startProcess } from '../harness/process.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { makeTempDir, type TempDir } from '../harness/temp-dir.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type Candidate, cores, pin } from './candidate.ts';
import { consumerName, equalityPath, type Upstreams } from './workload.ts';

/** Whether the program is installed. */
export function isInstalled(program: string): boolean {
  return spawnSync(program, ['-v'], { stdio: 'ignore' }).error === undefined;
}

/** nginx as the upstream, on the load's core: a small JSON answer everywhere, and bodies of 1 KiB, 100 KiB and 10 MiB. */
export async function startUpstream(): Promise<AsyncDisposable & { readonly port: number; readonly pid: number }> {
  const port = await freePort();
  const dir = await makePrefix('upstream');
  for (const [name, bytes] of [
    ['1k', 1 << 10],
    ['100k', 100 << 10],
    ['10m', 10 << 20],
  ] as const) {
    await writeFile(join(dir.path, name), Buffer.alloc(bytes, 'sluice bench '));
  }
  const process = await startPeer('nginx', 'upstream.nginx.conf', dir, { PORT: port, ROOT: dir.path });
  pin(process.pid, cores.load);
  return { port, pid: process.pid, [Symbol.asyncDispose]: () => dispose([process], dir) };
}

/** nginx as a proxy on the proxy's core, and a second one in front of the recording origin. */
export function startNginx(upstreams: Upstreams): Promise<Candidate> {
  return startPair('nginx', 'proxy.nginx.conf', upstreams);
}

/** HAProxy as a proxy, likewise. */
export function startHaproxy(upstreams: Upstreams): Promise<Candidate> {
  return startPair('haproxy', 'proxy.haproxy.cfg', upstreams);
}

/** HAProxy that asks for the given keys, with a limit for each of their consumers, on the proxy's core. */
export async function startHaproxyPolicies(upstreams: Upstreams, secrets: readonly string[]): Promise<Candidate> {
  const dir = await makeTempDir('bench-keys');
  const keys = join(dir.path, 'keys.map');
  await writeFile(keys, secrets.map((secret, key) => `${secret} ${consumerName(key)}\n`).join(''));
  const pair = await startPair('haproxy', 'policies.haproxy.cfg', upstreams, { KEYS: keys });
  return {
    ...pair,
    name: 'haproxy, policies',
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
): Promise<Candidate> {
  const [port, equalityPort] = [await freePort(), await freePort()];
  const [dir, equalityDir] = [await makePrefix(name), await makePrefix(name)];
  const process = await startPeer(name, file, dir, { ...more, PORT: port, UPSTREAM: upstreams.main });
  const values = { ...more, PORT: equalityPort, UPSTREAM: upstreams.equality };
  const equality = await startPeer(name, file, equalityDir, values);
  pin(process.pid, cores.proxy);
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

async function startPeer(
  program: 'nginx' | 'haproxy',
  file: string,
  dir: TempDir,
  values: Readonly<Record<string, string | number>>,
): Promise<RunningProcess> {
  const template = await readFile(join(import.meta.dirname, 'peers', file), 'utf8');
  const all = { ...values, USER: 'nobody nogroup' };
  const lines = template.split('\n').filter((line) => !line.startsWith('user ') || process.getuid?.() === 0);
  const text = Object.entries(all).reduce(
    (config, [name, value]) => config.replaceAll(`@${name}@`, String(value)),
    lines.join('\n'),
  );
  const path = join(dir.path, file);
  await writeFile(path, text);
  const args = program === 'nginx' ? ['-p', dir.path, '-c', path] : ['-db', '-f', path];
  const running = await startProcess({ name: file, program, args, cwd: dir.path });
  const port = Number(values.PORT);
  await waitFor(`${file} listens`, async () => {
    if (running.exit() !== undefined) return true;
    await (await connectRaw(port))[Symbol.asyncDispose]();
    return true;
  });
  if (running.exit() !== undefined) throw new Error(`${file} ended:\n${running.output()}`);
  return running;
}

/** A directory that nginx' worker, which is another user under root, may enter and write its temporary files in. */
async function makePrefix(name: string): Promise<TempDir> {
  const dir = await makeTempDir(`bench-${name}`);
  await chmod(dir.path, 0o755);
  for (const part of ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']) await mkdir(join(dir.path, part), { mode: 0o777 });
  return dir;
}

async function dispose(processes: readonly RunningProcess[], dir: TempDir): Promise<void> {
  await Promise.all(processes.map((one) => one.stop('SIGTERM', 5000).catch(() => one.kill())));
  await dir[Symbol.asyncDispose]();
}
