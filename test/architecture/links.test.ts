import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { listTree } from '../harness/copy-tree.ts';
import { root } from './modules.ts';

const pages = (await listTree(root)).filter((path) => path.endsWith('.md'));

test('there are pages', () => expect(pages.length).toBeGreaterThan(20));

test.each(pages)('every link of %s leads to a file and a heading that are there', (path) => {
  const broken: string[] = [];
  for (const [, target = ''] of readFileSync(join(root, path), 'utf8').matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [file = '', heading] = target.split('#');
    const to = join(root, file === '' ? path : join(dirname(path), file));
    if (!existsSync(to) || (heading !== undefined && !headingsOf(to).has(heading))) broken.push(target);
  }
  expect(broken).toEqual([]);
});

/** As GitHub names them. */
function headingsOf(path: string): ReadonlySet<string> {
  const titles = [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => title);
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
