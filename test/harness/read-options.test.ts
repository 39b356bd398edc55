import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root, startProcess } from './process.ts';

async function bench(argument: string): Promise<{ code: number | null; out: string; err: string }> {
  await using child = await startProcess({
    name: `bench ${argument}`,
    program: process.execPath,
    args: [join(root, 'test', 'bench', 'main.ts'), argument],
  });
  const { code } = await child.exited;
  return { code, out: child.stdout(), err: child.stderr() };
}

test('a program says what it takes, and refuses anything else in one line', async () => {
  const [asked, refused] = await Promise.all([bench('--help'), bench('--unheard-of')]);
  expect(asked).toEqual({ code: 0, out: expect.stringMatching(/^usage: npm run bench -- \[--quick\]/), err: '' });
  const line = "Unknown option '--unheard-of' (--help shows what there is)\n";
  expect(refused).toEqual({ code: 2, out: '', err: line });
});
