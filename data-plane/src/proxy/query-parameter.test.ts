import { expect, test } from 'vitest';
import { onlyQueryParameter, withoutQueryParameter } from './query-parameter.ts';

test.each([
  ['', ''],
  ['?a=1', '?a=1'],
  ['?key=1', ''],
  ['?a=1&key=2&b', '?a=1&b'],
  ['?key=1&k%65y=2&c=%20+&', '?c=%20+&'],
  ['?keys=1&akey=2', '?keys=1&akey=2'],
])('"%s" without key is "%s"', (query, rest) => {
  expect(withoutQueryParameter(query, 'key')).toBe(rest);
});

test.each([
  ['?a=1', undefined],
  ['?key=1', '1'],
  ['?a=1&k%65y=%31&b', '1'],
  ['?key=1&key=1', ''],
  ['?key=1&a=2&k%65y=2', ''],
  ['?key&key=1', ''],
])('the only key of "%s" is %s', (query, value) => {
  expect(onlyQueryParameter(query, 'key')).toBe(value);
});
