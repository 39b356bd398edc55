import { execFileSync } from 'node:child_process';
import { makeTempDir } from './temp-dir.ts';

export type SmallDisk = AsyncDisposable & {
  readonly path: string;
  readonly setReadOnly: (readOnly: boolean) => void;
};

/** Mounts a file system of a few bytes in memory; undefined, with a line that says so, where mounting is not allowed. */
export async function mountSmallDisk(bytes: number): Promise<SmallDisk | undefined> {
  const dir = await makeTempDir('disk');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'tmpfs', dir.path], { stdio: 'pipe' });
  } catch {
    process.stdout.write('skipped: this machine does not let tests mount a file system\n');
    await dir[Symbol.asyncDispose]();
    return undefined;
  }
  return {
    path: dir.path,
    setReadOnly: (readOnly) => void execFileSync('mount', ['-o', `remount,${readOnly ? 'ro' : 'rw'}`, dir.path]),
    async [Symbol.asyncDispose]() {
      execFileSync('umount', ['-l', dir.path]);
      await dir[Symbol.asyncDispose]();
    },
  };
}
