import { join } from 'node:path';
import { root, startProcess } from './process.ts';
import { within } from './wait-for.ts';

export type CtlOptions = {
  /** URL of the control plane. Unset: what the arguments or the context file say. */
  readonly server?: string | undefined;
  readonly token?: string | undefined;
  /** Written to standard input: a manifest for `apply -f -`. */
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly deadlineMs?: number;
};

export type CtlResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Runs `gatewayctl` as a process and returns what it printed and its exit code, whatever that is. */
export async function gatewayctl(args: readonly string[], options: CtlOptions = {}): Promise<CtlResult> {
  await using process_ = await startProcess({
    name: `gatewayctl ${args.join(' ')}`,
    program: process.execPath,
    args: [join(root, 'cli', 'bin', 'gatewayctl.js'), ...args],
    env: { NO_COLOR: '1', SLUICE_SERVER: options.server, SLUICE_TOKEN: options.token, ...options.env },
    input: options.input ?? '',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const { code } = await within(process_.name, process_.exited, options.deadlineMs ?? 120_000);
  return { code, stdout: process_.stdout(), stderr: process_.stderr() };
}

/** Like `gatewayctl`, but throws unless the exit code is 0, and returns standard output. */
export async function gatewayctlOk(args: readonly string[], options: CtlOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await gatewayctl(args, options);
  if (code !== 0) throw new Error(`gatewayctl ${args.join(' ')}: exit code ${code}\n${stderr}${stdout}`);
  return stdout;
}
