/** `npm start`: a control plane with its database, one node and a demo upstream, in one process tree. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseManifests } from '@sluice/engine/manifest';
import { ConfigService, KeyService } from '@sluice/proto';
import { createGrpcClient } from '@sluice/proto/grpc-client';
import { Children } from './children.ts';
import { startUpstream } from './upstream.ts';

const root = join(import.meta.dirname, '../..');
const quickstart = join(root, 'deploy/examples/quickstart.yaml');
const dataDir = process.env.SLUICE_DATA_DIR ?? join(root, '.sluice');
const keyFile = join(dataDir, 'demo-key');
const UPSTREAM = { host: '127.0.0.1', port: 9000 };

const children = new Children();
let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop());

try {
  await startUpstream(UPSTREAM.host, UPSTREAM.port).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    return fail(
      `the port ${UPSTREAM.host}:${UPSTREAM.port} of the demo upstream is taken; is npm start running already?`,
    );
  });
  const controlPlane = await children.start({
    name: 'control plane',
    args: [join(root, 'control-plane/bin/sluice-control-plane.js'), '--data-dir', dataDir],
    ready: /listening on (http:\S+)/,
    pidFile: join(dataDir, 'control-plane.pid'),
    again: `npx sluice-control-plane --data-dir ${shown(dataDir)}`,
  });
  const server = controlPlane[1]!;
  const token = readFileSync(join(dataDir, 'token'), 'utf8').trim();
  const key = await prepare(server, token);
  const cacheDir = join(dataDir, 'nodes', 'demo');
  const node = await children.start({
    name: 'node',
    args: [
      join(root, 'data-plane/bin/sluice-node.js'),
      ...['--control-plane', server, '--node-id', 'demo', '--workers', '2', '--cache-dir', cacheDir],
    ],
    // Not as a flag, which every user of the machine could read.
    env: { SLUICE_TOKEN: token },
    ready: /serving (.*)\nadmin on (http:\S+)/,
    pidFile: join(dataDir, 'node.pid'),
    again: `SLUICE_TOKEN=$(cat ${shown(join(dataDir, 'token'))}) npx sluice-node --node-id demo --workers 2 --cache-dir ${shown(cacheDir)}`,
  });
  const admin = node[2]!;
  await becomeReady(admin);
  const proxy = `http://${/(?:^|\s)\S+?=(\S+)/.exec(node[1]!)?.[1] ?? '127.0.0.1:8080'}`;
  process.stdout.write(welcome({ proxy, server, admin, key }));
} catch (error) {
  // Told to stop while it was starting: that is under way.
  if (stopping) await new Promise(() => undefined);
  await children.stop();
  fail(error instanceof Error ? error.message : String(error));
}

/** On the first start: the quickstart and a key. @returns the key to try */
async function prepare(server: string, token: string): Promise<string> {
  const config = createGrpcClient(ConfigService, server, { token });
  const keys = createGrpcClient(KeyService, server, { token });
  try {
    const { revisions } = await config.history({ pageSize: 1 });
    if (revisions.length === 0) {
      const { documents } = parseManifests(readFileSync(quickstart, 'utf8'), { file: relative(root, quickstart) });
      await config.apply({ resources: documents.map(({ resource }) => resource), message: 'quickstart' });
      const { secret } = await keys.createKey({ name: 'demo', consumer: 'first-app' });
      writeFileSync(keyFile, `${secret}\n`, { mode: 0o600 });
    }
  } finally {
    config.close();
    keys.close();
  }
  return existsSync(keyFile)
    ? readFileSync(keyFile, 'utf8').trim()
    : '(make one: npx gatewayctl keys create --consumer first-app)';
}

async function becomeReady(admin: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const answer = await fetch(`${admin}/__ready`).catch(() => undefined);
    if (answer?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the node did not become ready; see ${admin}/__ready`);
}

function welcome({
  proxy,
  server,
  admin,
  key,
}: Readonly<Record<'proxy' | 'server' | 'admin' | 'key', string>>): string {
  return `
Sluice runs.

  proxy           ${proxy}
  control plane   ${server}
  node endpoints  ${admin}/__ready  /__metrics  /__routes
  demo upstream   http://${UPSTREAM.host}:${UPSTREAM.port}
  data            ${shown(dataDir)}

An API key to try: ${key}

Next:
  curl -i -H 'x-api-key: ${key}' ${proxy}/hello
  npx gatewayctl get routes
  npx gatewayctl nodes

Ctrl-C stops it; the next start finds its data.
`;
}

/** A path as a person would write it here. */
function shown(path: string): string {
  const short = relative(process.cwd(), path) || '.';
  return short.startsWith('..') ? path : short;
}

async function stop(): Promise<void> {
  stopping = true;
  await children.stop();
  process.exit(0);
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
