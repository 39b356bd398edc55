import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunningProcess, startProcess } from '../harness/process.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { makeTempDir, type TempDir } from '../harness/temp-dir.ts';
import { waitFor } from '../harness/wait-for.ts';

/** Whether the program is installed. */
export function isInstalled(program: string): boolean {
  return spawnSync(program, ['-v'], { stdio: 'ignore' }).error === undefined;
}

/** Starts nginx or HAProxy with a configuration of `peers/`, its @NAME@s replaced, and waits until it listens on PORT. */
export async function startPeer(
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
  await waitUntilItListens(running, Number(values.PORT));
  return running;
}

/** Resolves once the process accepts connections on the port; throws with its output where it ended. */
export async function waitUntilItListens(running: RunningProcess, port: number): Promise<void> {
  await waitFor(`${running.name} listens`, async () => {
    if (running.exit() !== undefined) return true;
    await (await connectRaw(port))[Symbol.asyncDispose]();
    return true;
  });
  if (running.exit() !== undefined) throw new Error(`${running.name} ended:\n${running.output()}`);
}

/** A directory that nginx' worker, which is another user under root, may enter and write its temporary files in. */
export async function makePrefix(name: string): Promise<TempDir> {
  const dir = await makeTempDir(`bench-${name}`);
  await chmod(dir.path, 0o755);
  for (const part of ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']) await mkdir(join(dir.path, part), { mode: 0o777 });
  return dir;
}

export async function dispose(processes: readonly RunningProcess[], dir: TempDir): Promise<void> {
  await Promise.all(processes.map((one) => one.stop('SIGTERM', 5000).catch(() => one.kill())));
  await dir[Symbol.asyncDispose]();
}
