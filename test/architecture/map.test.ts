import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listTree } from '../harness/copy-tree.ts';
import { root } from './modules.ts';

/** Directories that the map has to show: what is within others stands beside what it is for. */
const MAPPED = [
  /^(?:data-plane|data-plane\/engine|control-plane|cli)\/src\/[^/]+\//,
  /^data-plane\/src\/(?:node|proxy|shared)\/[^/]+\//,
  /^test\/[^/]+\//,
];
const UNMAPPED = /\/(?:testing|testdata|dist)\//;

/** Whole paths: a line is in the directory of the last line with less before it. */
function readMap(): string[] {
  const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const [, map = ''] = page.split('```\n');
  const parents: string[] = [];
  return [...map.matchAll(/^( *)([a-z0-9/-]+\/) /gm)].map(([, indent = '', name = '']) => {
    const depth = indent.length / 2;
    parents[depth] = depth === 0 ? name : `${parents[depth - 1]}${name}`;
    return parents[depth];
  });
}

const map = readMap();

test('every directory of the source is on the map', async () => {
  const directories = (await listTree(root))
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => MAPPED.flatMap((pattern) => pattern.exec(path)?.[0] ?? []))
    .filter((path) => !UNMAPPED.test(path));
  expect(directories.length).toBeGreaterThan(40);
  expect(directories.filter((path) => !map.includes(path))).toEqual([]);
});

test.each(map)('%s, which the map shows, is there', (path) => {
  expect(existsSync(join(root, path))).toBe(true);
});
