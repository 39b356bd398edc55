import { describe, expect, test } from 'vitest';
import { parsePath } from './parse-path.ts';
import type { PathKind } from './route-match.ts';

describe('a path pattern', () => {
  test('of a prefix has segments and no trailing slash', () => {
    expect(parsePath({ kind: 'prefix', value: '/' })).toEqual({ kind: 'prefix', value: '', segments: [] });
    expect(parsePath({ kind: 'prefix', value: '/a/b/' })).toEqual({
      kind: 'prefix',
      value: '/a/b',
      segments: ['a', 'b'],
    });
  });

  test('of a template has literals and parameters', () => {
    expect(parsePath({ kind: 'template', value: '/users/{id}/orders' })).toEqual({
      kind: 'template',
      value: '/users/{id}/orders',
      segments: [
        { kind: 'literal', text: 'users' },
        { kind: 'parameter', name: 'id' },
        { kind: 'literal', text: 'orders' },
      ],
    });
  });

  const refused: readonly (readonly [kind: PathKind, value: string, reason: string])[] = [
    ['exact', 'a', 'must begin with "/"'],
    ['exact', '', 'must begin with "/"'],
    ['prefix', '*', 'must begin with "/"'],
    ['exact', '/a?b', 'must not hold "?": it is compared with the path alone'],
    ['prefix', '/a#b', 'must not hold "#": it is compared with the path alone'],
    ['exact', '/a/../b', 'can never match, because paths are normalized first; write it as "/b"'],
    ['prefix', '/%61', 'can never match, because paths are normalized first; write it as "/a"'],
    ['prefix', '/%c3%a9', 'can never match, because paths are normalized first; write it as "/%C3%A9"'],
    ['exact', '/[a]', 'can never match, because paths are normalized first; write it as "/%5Ba%5D"'],
    ['exact', '/é', 'can never match: the path holds a character that must be percent-encoded'],
    ['exact', '/%0', 'can never match: the path holds an incomplete percent-encoding'],
    ['exact', `/${'a'.repeat(2048)}`, 'has more than 2048 characters'],
    ['prefix', '/a'.repeat(65), 'has more than 64 segments'],
    ['template', '/{a}'.repeat(2), 'uses the parameter "a" twice'],
    ['template', 'x/{a}', 'must begin with "/"'],
    ['template', '/{}', '"" is not a parameter name: letters, digits, "_" and "-", at most 64'],
    ['template', '/{1a}', '"1a" is not a parameter name: letters, digits, "_" and "-", at most 64'],
    ['template', '/{a}.json', '"{a}.json" must be a whole parameter, as in "/{id}/", or hold no braces'],
    ['template', '/a}', '"a}" must be a whole parameter, as in "/{id}/", or hold no braces'],
    ['template', '/./{a}', 'can never match, because paths are normalized first; write it as "/x"'],
    ['regex', '(', 'has "(" without ")" (near character 1)'],
  ];
  for (const [kind, value, reason] of refused) {
    test(`${kind} ${JSON.stringify(value.slice(0, 20))} is refused: ${reason}`, () => {
      expect(parsePath({ kind, value })).toBe(reason);
    });
  }

  test('at the bounds is admitted', () => {
    expect(parsePath({ kind: 'exact', value: `/${'a'.repeat(2047)}` })).toMatchObject({ kind: 'exact' });
    expect(parsePath({ kind: 'prefix', value: '/a'.repeat(64) })).toMatchObject({ kind: 'prefix' });
  });
});
