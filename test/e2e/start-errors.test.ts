/** A program that cannot start says why in one line and ends with exit code 1. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { isMissing } from '../harness/is-missing.ts';
import { type Node, startNode } from '../harness/node.ts';
import { findPostgres, startPostgres } from '../harness/postgres.ts';
import { root, startProcess } from '../harness/process.ts';
import { makeTempDir, type TempDir } from '../harness/temp-dir.ts';
import { within } from '../harness/wait-for.ts';

const stack = new AsyncDisposableStack();
let controlPlane: ControlPlane;
let node: Node;
let taken: Server;
let takenPort: number;
let home: TempDir;

beforeAll(async () => {
  home = stack.use(await makeTempDir('home'));
  controlPlane = stack.use(await startControlPlane({ database: 'embedded' }));
  node = stack.use(await startNode({ controlPlane: controlPlane.url, wait: 'alive' }));
  taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  stack.defer(() => void taken.close());
  const address = taken.address();
  takenPort = typeof address === 'object' && address !== null ? address.port : 0;
});

afterAll(() => stack.disposeAsync());

async function run(program: string, args: readonly string[]) {
  await using child = await startProcess({
    name: args.join(' '),
    program: process.execPath,
    args: [join(root, program), ...args],
    env: { HOME: home.path, SLUICE_CONTEXT_FILE: join(home.path, 'contexts.yaml') },
    cwd: home.path,
  });
  const { code } = await within('it ends', child.exited, 20_000);
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}

let runs = 0;

/** With all that a start needs but for the flags of a test, which come last and win. */
const runControlPlane = (...args: string[]) =>
  run('control-plane/bin/sluice-control-plane.js', [
    ...['--listen', '127.0.0.1:0', '--data-dir', join(home.path, `data-${runs++}`), '--auth', 'none'],
    ...args,
  ]);
const runNode = (...args: string[]) =>
  run('data-plane/bin/sluice-node.js', [
    ...[
      '--bind',
      'http=127.0.0.1:0',
      '--admin',
      '127.0.0.1:0',
      '--cache-dir',
      join(home.path, `cache-${runs++}`),
      '--workers',
      '1',
    ],
    ...args,
  ]);

const cases: Readonly<Record<string, [run: () => ReturnType<typeof run>, says: RegExp]>> = {
  'control plane: an address of another machine': [
    () => runControlPlane('--auth', 'token', '--listen', '192.0.2.1:7070'),
    /192\.0\.2\.1:7070.*does not have this address/,
  ],
  'control plane: no address': [() => runControlPlane('--listen', 'nonsense'), /--listen.*HOST:PORT/],
  'control plane: a taken port': [
    () => runControlPlane('--listen', `127.0.0.1:${takenPort}`),
    /another process uses this address/,
  ],
  'control plane: a bad database URL': [
    () => runControlPlane('--database', 'mysql://u:geheim@h/d'),
    /--database must be/,
  ],
  'control plane: a database that is not there': [
    () => runControlPlane('--database', 'postgres://u:geheim@127.0.0.1:1/d'),
    /cannot use the database at 127\.0\.0\.1:1: nothing listens there/,
  ],
  'control plane: a data directory in use': [
    () => runControlPlane('--data-dir', controlPlane.dataDir),
    /data directory .* is in use by process \d+/,
  ],
  'control plane: a data directory that cannot be made': [
    () => runControlPlane('--data-dir', '/dev/null/x'),
    /data directory \/dev\/null\/x/,
  ],
  'control plane: an unknown flag': [() => runControlPlane('--lisen', '127.0.0.1:0'), /unknown option '--lisen'/],
  'control plane: no authentication on an address that others reach': [
    () => runControlPlane('--listen', '0.0.0.0:0'),
    /--auth none is for loopback addresses only/,
  ],
  'node: an address of another machine': [
    () => runNode('--bind', 'http=192.0.2.1:8080'),
    /192\.0\.2\.1:8080.*no such address/,
  ],
  'node: no address': [() => runNode('--bind', 'http=nonsense'), /--bind.*HOST:PORT/],
  'node: a taken port': [() => runNode('--bind', `http=127.0.0.1:${takenPort}`), /the port is taken/],
  'node: a port that another node shares between its workers': [
    () => runNode('--bind', `http=127.0.0.1:${node.port}`),
    /the port is taken/,
  ],
  'node: a taken port for its own endpoints': [
    () => runNode('--admin', `127.0.0.1:${takenPort}`),
    /\(--admin\): the port is taken/,
  ],
  'node: a cache directory in use': [
    () => runNode('--cache-dir', node.cacheDir),
    /is used by process \d+.*\(--cache-dir\)/,
  ],
  'node: a cache directory that cannot be made': [() => runNode('--cache-dir', '/dev/null/x'), /\/dev\/null\/x/],
  'node: no control plane address': [
    () => runNode('--control-plane', 'http://127.0.0.1:1,ftp://x'),
    /--control-plane.*http:\/\/HOST:PORT/,
  ],
  'node: an unknown flag': [() => runNode('--workrs', '2'), /unknown option '--workrs'/],
};

describe.concurrent('one line and exit code 1', () => {
  test.each(Object.keys(cases))('%s', async (name) => {
    const [start, says] = cases[name]!;
    const { code, stdout, stderr } = await start();
    expect(stderr.replace(/\n\(Did you mean .*\)/, '')).toMatch(/^[^\n]+\n$/);
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/geheim|\bat .*\.ts:|Error:/);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  test.skipIf(isMissing('PostgreSQL', findPostgres() === undefined))(
    'control plane: a database that does not exist on the server',
    async () => {
      await using postgres = await startPostgres();
      const { code, stderr } = await runControlPlane('--database', postgres.url.replace(/sluice$/, 'nope'));
      expect(stderr).toMatch(/^cannot use the database at \S+: there is no such database; .*\n$/);
      expect(code).toBe(1);
    },
  );
});

test('what held the directories goes on', async () => {
  expect(await controlPlane.isHealthy()).toBe(true);
  expect((await node.admin('/__health')).status).toBe(200);
});
