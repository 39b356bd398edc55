import { readdirSync, readFileSync } from 'node:fs';
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { type RunningProcess, startProcess } from './process.ts';
import { isAlive, listTree, signalIfAlive } from './process-tree.ts';
import { makeTempDir } from './temp-dir.ts';
import { waitFor } from './wait-for.ts';

export type PostgresOptions = {
  /** Default false: data survives the death of the processes but not of the machine, and starting is quick. */
  readonly fsync?: boolean;
  /** Does not keep this process running, and ends with it. */
  readonly background?: boolean;
  /** More settings, as `name=value`. */
  readonly settings?: readonly string[];
};

export type Postgres = AsyncDisposable & {
  readonly port: number;
  /** URL of the database `sluice`, which is empty. */
  readonly url: string;
  /** Makes one more empty database and returns its URL. */
  readonly createDatabase: (name: string) => Promise<string>;
  /** Ends it as a clean shutdown does, closing all connections. */
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
  /** SIGKILL to the server and all its processes. */
  readonly kill: () => Promise<void>;
  /** SIGSTOP to all of its processes: connections stay open and nothing answers. */
  readonly pause: () => void;
  readonly resume: () => void;
};

/** Where the newest installed PostgreSQL (15 or newer) keeps its programs, or undefined where there is none. */
export function findPostgres(): string | undefined {
  const top = '/usr/lib/postgresql';
  const versions = listOrEmpty(top)
    .map(Number)
    .filter((version) => version >= 15);
  const newest = versions.sort((a, b) => b - a)[0];
  return newest === undefined ? undefined : join(top, String(newest), 'bin');
}

let shared: Promise<Postgres> | undefined;
let databases = 0;

/**
 * URL of a new, empty database on a server that this process starts for the first caller and ends with itself; undefined
 * where PostgreSQL is not installed.
 */
export async function createSharedDatabase(): Promise<string | undefined> {
  if (findPostgres() === undefined) return undefined;
  shared ??= startPostgres({ background: true });
  databases += 1;
  return (await shared).createDatabase(`shared_${databases}`);
}

/** Ends that server, where there is one. A test runner may kill this process, and then nothing is done at its exit. */
export async function stopSharedDatabase(): Promise<void> {
  const running = shared;
  shared = undefined;
  await (await running)?.[Symbol.asyncDispose]();
}

/** Starts a private PostgreSQL server on a free port of 127.0.0.1. Throws where none is installed. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const bin = findPostgres();
  if (bin === undefined) throw new Error('PostgreSQL 15 or newer is not installed in /usr/lib/postgresql');
  const owner = findOwner();
  const dir = await makeTempDir('postgres');
  const data = join(dir.path, 'data');
  await mkdir(data, { mode: 0o700 });
  if (owner !== undefined) await Promise.all([dir.path, data].map((path) => chown(path, owner.uid, owner.gid)));
  const port = await freePort();
  const env = { PGUSER: undefined, PGDATA: undefined, TZ: 'UTC', LC_ALL: 'C.UTF-8' };
  // SIGQUIT ends a server at once and still gives its shared memory back.
  const run = (name: string, program: string, args: readonly string[], background = false) =>
    startProcess({
      name,
      program: join(bin, program),
      args,
      cwd: dir.path,
      env,
      atExit: 'SIGQUIT',
      background,
      ...owner,
    });

  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'];
  await expectSuccess(await run('initdb', 'initdb', initdb));
  const server = await startServer();
  let current: RunningProcess = server;

  async function startServer(): Promise<RunningProcess> {
    const settings = [
      'listen_addresses=127.0.0.1',
      'max_connections=200',
      `fsync=${options.fsync ? 'on' : 'off'}`,
      'logging_collector=off',
      ...(options.settings ?? []),
    ];
    const args = ['-D', data, '-p', String(port), '-k', dir.path, ...settings.flatMap((setting) => ['-c', setting])];
    const process = await run('postgres', 'postgres', args, options.background);
    await process.line(/database system is ready to accept connections/, 60_000);
    return process;
  }

  const address = `postgres://postgres@127.0.0.1:${port}`;
  const self: Postgres = {
    port,
    url: `${address}/sluice`,
    async createDatabase(name) {
      await expectSuccess(
        await run('createdb', 'createdb', ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', name]),
      );
      return `${address}/${name}`;
    },
    async stop() {
      await current.stop('SIGINT');
    },
    async start() {
      current = await startServer();
    },
    async kill() {
      const family = listTree(current.pid);
      for (const pid of family) signalIfAlive(pid, 'SIGKILL');
      await current.exited;
      await waitFor('the processes of PostgreSQL end', () => family.every((pid) => !isAlive(pid)));
    },
    pause: () => {
      for (const pid of listTree(current.pid)) signalIfAlive(pid, 'SIGSTOP');
    },
    resume: () => {
      for (const pid of listTree(current.pid)) signalIfAlive(pid, 'SIGCONT');
    },
    async [Symbol.asyncDispose]() {
      if (current.exit() === undefined) {
        self.resume();
        await current.stop('SIGQUIT').catch(() => self.kill());
      }
      await dir[Symbol.asyncDispose]();
    },
  };
  await self.createDatabase('sluice');
  return self;
}

async function expectSuccess(process: RunningProcess): Promise<void> {
  const { code } = await process.exited;
  if (code !== 0) throw new Error(`${process.name}: exit code ${code}\n${process.output()}`);
}

/** PostgreSQL refuses to run as root: the user `postgres` where there is one, else `nobody`'s number. */
function findOwner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('postgres:'));
  const [, , uid = '65534', gid = '65534'] = line?.split(':') ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

function listOrEmpty(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
