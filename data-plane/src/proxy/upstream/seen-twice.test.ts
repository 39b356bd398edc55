import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { SeenTwice } from './seen-twice.ts';

/** What tokens end in. */
const texts = (count: number, of: string): string[] =>
  Array.from({ length: count }, (_, n) => createHash('sha256').update(`${of} ${n}`).digest('base64url'));

test('a text is new once, and then known', () => {
  const seen = new SeenTwice();
  expect(['a', 'b', 'a', 'b', 'b'].map((text) => seen.add(text))).toEqual([false, false, true, true, true]);
});

test('of thousands that come in turn all are known the second time', () => {
  const seen = new SeenTwice();
  const tokens = texts(2_000, 'token');
  expect(tokens.filter((token) => seen.add(token))).toEqual([]);
  expect(tokens.filter((token) => !seen.add(token))).toEqual([]);
});

test('any number that come once are never taken for known, and what came long before them is forgotten', () => {
  const seen = new SeenTwice();
  const before = texts(100, 'before');
  for (const token of before) seen.add(token);
  expect(texts(200_000, 'once').filter((token) => seen.add(token)).length).toBeLessThanOrEqual(2);
  expect(before.filter((token) => seen.add(token))).toEqual([]);
});
