import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { type CtlOptions, type CtlResult, gatewayctl, gatewayctlOk } from './gatewayctl.ts';
import { createSharedDatabase } from './postgres.ts';
import { root, startProcess } from './process.ts';
import { type Program, startProgram, waitUntil } from './program.ts';
import { makeTempDir } from './temp-dir.ts';

export type ControlPlaneOptions = {
  /**
   * A postgres:// URL, or `embedded`. Default: a new database on a server that the whole test file shares, which starts
   * in a tenth of the time; `embedded` where PostgreSQL is not installed.
   */
  readonly database?: string;
  /**
   * Default `none`: nobody is asked for a token. `token`: one is given at the start, and `ctl` uses it. `generated`: the
   * first start makes one and writes it to the context file, where `ctl` finds it.
   */
  readonly auth?: 'none' | 'token' | 'generated';
  /** Default: a new temporary directory. */
  readonly dataDir?: string;
  readonly port?: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default true: resolve only when it answers the health check. */
  readonly wait?: boolean;
};

export type ControlPlane = Program & {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  /** HOME of the process and of `ctl`, where the context file is. */
  readonly home: string;
  readonly contextFile: string;
  /** The bootstrap token, with `auth: 'token'`. */
  readonly token: string | undefined;
  /** Runs gatewayctl against it; `ctlOk` throws unless the exit code is 0. */
  readonly ctl: (args: readonly string[], options?: CtlOptions) => Promise<CtlResult>;
  readonly ctlOk: (args: readonly string[], options?: CtlOptions) => Promise<string>;
  /** `gatewayctl apply -f -` with the manifest; throws unless it is accepted. */
  readonly apply: (manifest: string, ...flags: string[]) => Promise<string>;
  readonly isHealthy: () => Promise<boolean>;
};

/** Starts `sluice-control-plane` as a process of its own. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const { auth = 'none', wait = true } = options;
  const database = options.database ?? (await createSharedDatabase()) ?? 'embedded';
  const home = await makeTempDir('home');
  const dataDir = options.dataDir ?? join(home.path, 'data');
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const contextFile = join(home.path, 'context.yaml');
  const token = auth === 'token' ? `slt_${randomBytes(24).toString('hex')}` : undefined;
  const env = { HOME: home.path, SLUICE_CONTEXT_FILE: contextFile, SLUICE_TOKEN: token };

  const authArgs = auth === 'none' ? ['--auth', 'none'] : [];
  const args = ['--listen', `127.0.0.1:${port}`, '--database', database, '--data-dir', dataDir, ...authArgs];
  const launch = () =>
    startProcess({
      name: `sluice-control-plane :${port}`,
      program: process.execPath,
      args: [join(root, 'control-plane', 'bin', 'sluice-control-plane.js'), ...args, ...(options.args ?? [])],
      env: { ...env, ...options.env },
      cwd: home.path,
    });
  const program = await startProgram(home, launch, async (running) => {
    if (wait) await waitUntil(running, 'answers its health check', () => isHealthy(url));
  });

  const ctlOptions = (given: CtlOptions): CtlOptions => ({
    server: url,
    token,
    ...given,
    env: { ...env, ...given.env },
  });
  const self: ControlPlane = {
    ...program,
    url,
    port,
    dataDir,
    home: home.path,
    contextFile,
    token,
    ctl: (args, given = {}) => gatewayctl(args, ctlOptions(given)),
    ctlOk: (args, given = {}) => gatewayctlOk(args, ctlOptions(given)),
    apply: (manifest, ...flags) => self.ctlOk(['apply', '-f', '-', ...flags], { input: manifest }),
    isHealthy: () => isHealthy(url),
  };
  return self;
}

/** grpc.health.v1 over the Connect protocol, which needs no token. */
async function isHealthy(url: string): Promise<boolean> {
  const response = await fetch(`${url}/grpc.health.v1.Health/Check`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
    signal: AbortSignal.timeout(2000),
  });
  return response.ok && ((await response.json()) as { status?: string }).status === 'SERVING';
}
