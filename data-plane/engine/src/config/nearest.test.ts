import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

test.each([
  ['adress', ['address', 'weight'], 'address'],
  ['weigth', ['address', 'weight'], 'weight'],
  ['HTTP1', ['http1', 'http2'], 'http1'],
  ['endpoint', ['endpoints', 'discovery'], 'endpoints'],
  ['x', ['address'], undefined],
  ['strip', ['stripPrefix', 'host'], undefined],
  ['a', [], undefined],
])('%s among %j is likely to mean %s', (word, known, expected) => {
  expect(nearest(word, known)).toBe(expected);
});

test('of words equally near the first in order is taken', () => {
  expect(nearest('bat', ['cat', 'bad', 'bar'])).toBe('bad');
});
