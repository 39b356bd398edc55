import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { root, startProcess } from './process.ts';
import { type Program, startProgram, waitUntil } from './program.ts';
import { makeTempDir } from './temp-dir.ts';

export type NodeOptions = {
  /** URL of the control plane, or of a link in front of it. */
  readonly controlPlane: string;
  /** Default `n1`. */
  readonly id?: string;
  readonly group?: string;
  /** Default 2. */
  readonly workers?: number;
  readonly token?: string | undefined;
  /** Default: a new temporary directory. */
  readonly cacheDir?: string;
  /** Of the listener `http`. */
  readonly port?: number;
  /** Of its own endpoints. */
  readonly adminPort?: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default `ready`: a verified snapshot is active in every worker. `alive`: /__health answers. `started`: neither. */
  readonly wait?: 'ready' | 'alive' | 'started';
  /** Put before the program, such as `taskset -c 0`. */
  readonly wrapper?: readonly string[];
};

export type Node = Program & {
  readonly id: string;
  /** Where clients send requests. */
  readonly port: number;
  readonly url: string;
  readonly adminPort: number;
  readonly cacheDir: string;
  /** GET of one of its own endpoints, such as `/__metrics`. */
  readonly admin: (path: string, init?: RequestInit) => Promise<{ readonly status: number; readonly body: string }>;
  readonly isReady: () => Promise<boolean>;
  readonly waitUntilReady: (deadlineMs?: number) => Promise<void>;
};

/** Starts `sluice-node` as a process of its own. */
export async function startNode(options: NodeOptions): Promise<Node> {
  const { controlPlane, id = 'n1', group = 'default', workers = 2, token, wait = 'ready', wrapper = [] } = options;
  const temp = await makeTempDir(`node-${id}`);
  const cacheDir = options.cacheDir ?? join(temp.path, 'cache');
  const port = options.port ?? (await freePort());
  const adminPort = options.adminPort ?? (await freePort());

  const admin: Node['admin'] = async (path, init) => {
    const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, {
      signal: AbortSignal.timeout(5000),
      ...init,
    });
    return { status: response.status, body: await response.text() };
  };

  const isReady: Node['isReady'] = async () => (await admin('/__ready')).status === 200;

  const launch = () => {
    const flags = {
      'control-plane': controlPlane,
      'node-id': id,
      group,
      workers: String(workers),
      bind: `http=127.0.0.1:${port}`,
      admin: `127.0.0.1:${adminPort}`,
      'cache-dir': cacheDir,
      ...(token === undefined ? {} : { token }),
    };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    const whole = [
      ...wrapper,
      process.execPath,
      join(root, 'data-plane', 'bin', 'sluice-node.js'),
      ...args,
      ...(options.args ?? []),
    ];
    return startProcess({
      name: `sluice-node ${id} :${port}`,
      program: whole[0]!,
      args: whole.slice(1),
      env: { HOME: temp.path, ...options.env },
      cwd: temp.path,
    });
  };
  const program = await startProgram(temp, launch, async (running) => {
    if (wait === 'ready') await waitUntil(running, 'is ready', isReady);
    if (wait === 'alive') {
      await waitUntil(running, 'is alive', async () => (await admin('/__health')).status === 200);
    }
  });
  return {
    ...program,
    id,
    port,
    url: `http://127.0.0.1:${port}`,
    adminPort,
    cacheDir,
    admin,
    isReady,
    waitUntilReady: (deadlineMs) => waitUntil(program.process(), 'is ready', isReady, deadlineMs),
  };
}
