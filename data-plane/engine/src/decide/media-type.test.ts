import { expect, test } from 'vitest';
import { isJsonType, parseMediaType } from './media-type.ts';

test.each<[string, ReturnType<typeof parseMediaType>]>([
  ['text/plain', { type: 'text/plain', charset: undefined }],
  ['Application/JSON; Charset="UTF-8"', { type: 'application/json', charset: 'utf-8' }],
  ['a/b;q=1;charset=latin1 ; x="y z"', { type: 'a/b', charset: 'latin1' }],
  ['a/b;;', { type: 'a/b', charset: undefined }],
  ['a/b; charset=a; charset=a', undefined],
  ['a/b; charset', undefined],
  ['a/b; charset=""', { type: 'a/b', charset: '' }],
  ['a/b, c/d', undefined],
  ['a', undefined],
  ['', undefined],
  [`a/b; x=${'y'.repeat(505)}`, { type: 'a/b', charset: undefined }],
  [`a/b; x=${'y'.repeat(506)}`, undefined],
])('%s', (text, expected) => {
  expect(parseMediaType(text)).toEqual(expected);
});

test('JSON is what is called so', () => {
  const types = ['application/json', 'application/problem+json', 'text/json', 'application/json5'];
  expect(types.map(isJsonType)).toEqual([true, true, false, false]);
});
