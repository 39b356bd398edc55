/** docs/http1.md says of every line which test holds it; the tests are there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'http1.md'), 'utf8');
const rows = page.split('\n').filter((line) => / \| `[^`]+\.test\.ts`: ".*" \|$/.test(line));

test('every line of the page names a test that exists', () => {
  expect(rows.length).toBeGreaterThan(40);
  const missing = rows.flatMap((row) => {
    const [, file = '', names = ''] = / \| `([^`]+\.test\.ts)`: (".*") \|$/.exec(row)!;
    const text = readFileSync(join(root, file), 'utf8');
    return [...names.matchAll(/"([^"]+)"/g)]
      .map(([, name]) => name!)
      .filter((name) => !text.includes(name))
      .map((name) => `${file}: ${name}`);
  });
  expect(missing).toEqual([]);
});

test('no line of its tables is without one', () => {
  const tables = page
    .slice(0, page.indexOf('## Compared'))
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (?:---|clause|input)/.test(line));
  expect(tables.filter((line) => !rows.includes(line))).toEqual([]);
});
