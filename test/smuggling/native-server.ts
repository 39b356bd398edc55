import { chmod, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../harness/free-port.ts';
import { type RunningProcess, startProcess } from '../harness/process.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { waitFor } from '../harness/wait-for.ts';

export type NativeServer = AsyncDisposable & {
  readonly port: number;
  readonly dir: string;
  readonly process: RunningProcess;
};

/** Starts nginx or HAProxy in the foreground, with the configuration that `configure` makes for its port and directory. */
export async function startNativeServer(
  program: 'nginx' | 'haproxy',
  configure: (port: number, dir: string) => string,
): Promise<NativeServer> {
  const port = await freePort();
  const temp = await makeTempDir(`smuggling-${program}`);
  // nginx's workers are another user where it is started by root.
  await chmod(temp.path, 0o777);
  const file = join(temp.path, `${program}.conf`);
  await writeFile(file, configure(port, temp.path));
  const args = program === 'nginx' ? ['-p', temp.path, '-c', file, '-e', 'stderr'] : ['-f', file, '-db'];
  const process = await startProcess({ name: `${program} :${port}`, program, args, cwd: temp.path });
  await waitFor(`${program} listens`, () => process.exit() !== undefined || isOpen(port));
  if (process.exit() !== undefined) throw new Error(`${program} ended: ${process.output()}`);
  return {
    port,
    dir: temp.path,
    process,
    async [Symbol.asyncDispose]() {
      await process[Symbol.asyncDispose]();
      await temp[Symbol.asyncDispose]();
    },
  };
}

async function isOpen(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
  const open = await promise;
  socket.destroy();
  return open;
}
