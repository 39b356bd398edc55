import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// Its hook for the exit of this process comes first: what writes to a directory ends before the directory goes.
import './process.ts';

export type TempDir = AsyncDisposable & { readonly path: string };

const held = new Set<string>();
process.once('exit', () => {
  for (const path of held) rmSync(path, { recursive: true, force: true });
});

/** A new directory, removed with what is in it when disposed or when this process ends. */
export async function makeTempDir(name: string): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), `sluice-${name}-`));
  held.add(path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
      held.delete(path);
    },
  };
}
