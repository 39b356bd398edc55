import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listTree } from '../harness/copy-tree.ts';
import { root } from './modules.ts';

const paths = await listTree(root);

describe('files', () => {
  test('are named by what they hold', () => {
    const vague = /^(utils?|helpers?|common|misc|types|managers?|stuff)$/;
    const own = paths.filter((path) => !path.startsWith('proto/third_party/'));
    const wrong = own.filter((path) => path.split('/').some((part) => vague.test(part.replace(/\..*$/, ''))));
    expect(own.length).toBeGreaterThan(50);
    expect(wrong).toEqual([]);
  });

  test('name no path of the machine they were written on and no package registry', async () => {
    const machine = [`/${'work'}/`, `/${'root'}/`, `registry${'.'}npmjs`, `//${'registry'}.`];
    const found: string[] = [];
    for (const path of paths) {
      const text = await readFile(join(root, path), 'utf8');
      for (const [index, line] of text.split('\n').entries()) {
        if (machine.some((part) => line.includes(part)))
          found.push(`${path}:${index + 1}: ${line.trim().slice(0, 120)}`);
      }
    }
    expect(found).toEqual([]);
  });

  test('leave package-lock.json without the address of a registry', async () => {
    const lock = await readFile(join(root, 'package-lock.json'), 'utf8');
    expect(lock.match(/"resolved": "https?:/g)).toBeNull();
  });
});
