/** Planted bugs go stale with the code around them: that each still applies is known before the tests that need it run. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const folder = join('test', 'mutants');
const patches = readdirSync(join(root, folder)).filter((name) => name.endsWith('.patch'));

test.each(patches)('%s applies to the code as it is', async (patch) => {
  await promisify(execFile)('git', ['apply', '--check', join(folder, patch)], { cwd: root });
});
