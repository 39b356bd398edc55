import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { patternInWords } from './pattern-words.ts';

test('every pattern of the configuration is explained in words', () => {
  const folder = join(import.meta.dirname, '../../../../proto/sluice/config/v1');
  const patterns = readdirSync(folder).flatMap((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    return [...text.matchAll(/pattern(?: =|:) "((?:[^"\\]|\\.)*)"/g)].map(([, pattern]) =>
      pattern!.replace(/\\\\/g, '\\'),
    );
  });
  expect(patterns.length).toBeGreaterThan(20);
  expect(patterns.filter((pattern) => patternInWords(pattern) === `must match ${pattern}`)).toEqual([]);
});
