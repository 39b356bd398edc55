import { expect, test } from 'vitest';
import { readQueryParameter } from './read-query.ts';

test('the first parameter of a name counts, decoded', () => {
  const rows: readonly (readonly [query: string, name: string, value: string | undefined])[] = [
    ['?a=1&b=2&a=3', 'a', '1'],
    ['a=1&b=2', 'b', '2'],
    ['?a', 'a', ''],
    ['?a=', 'a', ''],
    ['?a&b=1', 'b', '1'],
    ['?a=b=c', 'a', 'b=c'],
    ['?b&a=1', 'a', '1'],
    ['?aa=1', 'a', undefined],
    ['', 'a', undefined],
    ['?', 'a', undefined],
    ['?&&=x&', '', undefined],
    ['?x+y=a+b%2Bc', 'x y', 'a b+c'],
    ['?%61=%C3%A9', 'a', 'é'],
    ['?a=%FF+%', 'a', '%FF %'],
    ['?%zz=1', '%zz', '1'],
    ['?__proto__=1', '__proto__', '1'],
    ['?a=1', '__proto__', undefined],
  ];
  expect(rows.map(([query, name]) => [query, name, readQueryParameter(query, name)])).toEqual(rows);
});
