import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { patternInWords } from './pattern-words.ts';

test.each(['config', 'admin'])('every pattern of %s is explained in words', (area) => {
  const folder = join(import.meta.dirname, `../../../../proto/sluice/${area}/v1`);
  const patterns = readdirSync(folder).flatMap((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    return [...text.matchAll(/pattern(?: =|:) "((?:[^"\\]|\\.)*)"/g)].map(([, pattern]) =>
      pattern!.replace(/\\\\/g, '\\'),
    );
  });
  expect(patterns.length).toBeGreaterThan(1);
  expect(patterns.filter((pattern) => patternInWords(pattern) === `must match ${pattern}`)).toEqual([]);
});
