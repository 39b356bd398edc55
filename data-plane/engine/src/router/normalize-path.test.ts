import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type NormalizePathOptions, normalizePath, normalizeTarget } from './normalize-path.ts';

function outcome(path: string, options?: NormalizePathOptions): string {
  const result = normalizePath(path, options);
  return typeof result === 'string' ? result : `${result.code}: ${result.message}`;
}

const slash = 'bad_request: the path holds an encoded slash or a backslash';
const nul = 'bad_request: the path holds NUL';
const character = 'bad_request: the path holds a character that must be percent-encoded';
const incomplete = 'bad_request: the path holds an incomplete percent-encoding';
const overlong = 'bad_request: the path holds an overlong UTF-8 sequence';
const parameters = 'bad_request: the path holds a dot segment with parameters';
const start = 'bad_request: the path must begin with "/"';

const tables: Readonly<Record<string, readonly (readonly [path: string, expected: string])[]>> = {
  'an ordinary path stays': [
    ['/', '/'],
    ['/a/b.c/d', '/a/b.c/d'],
    ['/a//b/', '/a//b/'],
    ["/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@"],
    ['/.well-known/x', '/.well-known/x'],
    ['/.../..a/a..', '/.../..a/a..'],
    ['*', '*'],
  ],
  'an empty path is the root': [['', '/']],
  'dot segments are removed as in RFC 3986 section 5.2.4': [
    ['/a/b/c/./../../g', '/a/g'],
    ['/a/.', '/a/'],
    ['/a/..', '/'],
    ['/a/./b', '/a/b'],
    ['/..', '/'],
    ['/../../etc/passwd', '/etc/passwd'],
    ['/a//../b', '/a/b'],
    ['/./', '/'],
  ],
  'escapes of unreserved characters are decoded, before dot segments are removed': [
    ['/%61%5A%30%2D%2e%5f%7E', '/aZ0-._~'],
    ['/a/%2e%2e/b', '/b'],
    ['/a/.%2E/b', '/b'],
    ['/a/%2e', '/a/'],
  ],
  'other escapes are kept, in upper case': [
    ['/%c3%a9%3b%3d', '/%C3%A9%3B%3D'],
    ['/caf%e9', '/caf%E9'],
    ['/%25%20', '/%25%20'],
  ],
  'an escaped percent sign is never unescaped twice': [
    ['/%252e%252e/%252f', '/%252e%252e/%252f'],
    ['/%25%32%65', '/%252e'],
  ],
  'a semicolon is data': [
    ['/a;v=1/;/b', '/a;v=1/;/b'],
    ['/a..;/b', '/a..;/b'],
    ['/...;/b', '/...;/b'],
    ['/a%3bb', '/a%3Bb'],
  ],
  'what browsers send bare is escaped': [['/a|b[c]', '/a%7Cb%5Bc%5D']],
  'slashes and backslashes within a segment are refused': [
    ['/a%2fb', slash],
    ['/a/..%2Fb', slash],
    ['/a%5cb', slash],
    ['/a\\..\\b', slash],
  ],
  'NUL, controls, non-ASCII and characters no path may hold are refused': [
    ['/a%00b', nul],
    ['/a\0b', nul],
    ['/a b', character],
    ['/a\tb', character],
    ['/\x7f', character],
    ['/é', character],
    ['/\u{1f600}', character],
    ['/a"b', character],
    ['/<a>', character],
    ['/a?b', character],
    ['/a#b', character],
    ['/{a}', character],
    ['/a^b`', character],
  ],
  'dot segments with parameters are refused, however they are escaped': [
    ['/a/..;/b', parameters],
    ['/a/.;x=1/b', parameters],
    ['/..;', parameters],
    ['/a/%2e%2E;x', parameters],
    ['/a/..%3b/b', parameters],
    ['/a/.%2e%3B', parameters],
  ],
  'incomplete escapes are refused': [
    ['/%', incomplete],
    ['/%4', incomplete],
    ['/%zz', incomplete],
    ['/%4/', incomplete],
    ['/%%41', incomplete],
    ['/%u0041', incomplete],
    ['/% 41', incomplete],
    ['/%+1', incomplete],
  ],
  'overlong UTF-8 in escapes is refused, the same bytes alone are not': [
    ['/%c0%af', overlong],
    ['/%C1%81', overlong],
    ['/%e0%80%af', overlong],
    ['/%F0%80%80%af', overlong],
    ['/%f8%80%80%80%af', overlong],
    ['/%fc%80%80%80%80%af', overlong],
    ['/%fcber', '/%FCber'],
    ['/%c0', '/%C0'],
    ['/%C1rvore', '/%C1rvore'],
    ['/%e0%a0%80', '/%E0%A0%80'],
    ['/%f0%9f%98%80', '/%F0%9F%98%80'],
  ],
  'what does not begin with a slash is refused': [
    ['a', start],
    ['**', start],
    ['http://h/', start],
    ['\\a', start],
    ['%2fa', start],
  ],
};

describe('a path has one form', () => {
  for (const [sentence, rows] of Object.entries(tables)) {
    test(sentence, () => {
      expect(rows.map(([path]) => [path, outcome(path)])).toEqual(rows);
    });
  }

  test('mergeSlashes collapses runs of slashes, before dot segments are removed', () => {
    const rows = [
      ['/a//b///c', '/a/b/c'],
      ['//', '/'],
      ['//a', '/a'],
      ['/a//', '/a/'],
      ['/a//../b', '/b'],
    ] as const;
    expect(rows.map(([path]) => [path, outcome(path, { mergeSlashes: true })])).toEqual(rows);
  });

  test('allowEncodedSlashes keeps them as data, in one form', () => {
    const rows = [
      ['/a%2fb', '/a%2Fb'],
      ['/a/..%2f../b', '/a/..%2F../b'],
      ['/a\\b%5cc', '/a%5Cb%5Cc'],
      ['/a%00', nul],
    ] as const;
    expect(rows.map(([path]) => [path, outcome(path, { allowEncodedSlashes: true })])).toEqual(rows);
  });

  test('a target is split at the first "?", the query kept raw', () => {
    expect(normalizeTarget('/a/../b?x=%2e%2E&y=/../?')).toEqual({ path: '/b', query: '?x=%2e%2E&y=/../?' });
    expect(normalizeTarget('/a?')).toEqual({ path: '/a', query: '?' });
    expect(normalizeTarget('/a')).toEqual({ path: '/a', query: '' });
    expect(normalizeTarget('?a')).toEqual({ path: '/', query: '?a' });
    expect(normalizeTarget('*')).toEqual({ path: '*', query: '' });
    expect(normalizeTarget('/a?b#c')).toEqual({
      code: 'bad_request',
      message: 'the request target must not hold a fragment',
    });
    expect(normalizeTarget('/a\\b?c')).toMatchObject({ code: 'bad_request' });
  });
});

const pieces = [
  '/',
  '//',
  '.',
  '..',
  '%2e',
  '%2E',
  'a',
  'B',
  ';',
  '%41',
  '%c3%a9',
  '%25',
  '%2f',
  '%5C',
  '\\',
  '|',
  '%',
  ' ',
];
const paths = fc
  .array(
    fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...pieces) }, fc.string({ maxLength: 2, unit: 'binary-ascii' })),
    { maxLength: 20 },
  )
  .map((parts) => `/${parts.join('')}`);
const options = fc.record({ mergeSlashes: fc.boolean(), allowEncodedSlashes: fc.boolean() });

describe('for every path', () => {
  test('normalizing again changes nothing, and patterns written so are what is compared', () => {
    fc.assert(
      fc.property(paths, options, (path, chosen) => {
        const once = normalizePath(path, chosen);
        if (typeof once === 'string') expect(normalizePath(once, chosen)).toBe(once);
      }),
      { numRuns: 3000 },
    );
  });

  test('no result holds a dot segment, a lower-case or needless escape, a backslash, or what a path may not hold', () => {
    fc.assert(
      fc.property(paths, options, (path, chosen) => {
        const result = normalizePath(path, chosen);
        if (typeof result !== 'string') return;
        expect(result.split('/').filter((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))).toEqual([]);
        expect(result).toMatch(/^\/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*$/);
        for (const [, hex] of result.matchAll(/%(..)/g)) {
          expect(String.fromCharCode(Number.parseInt(hex!, 16))).not.toMatch(/[A-Za-z0-9._~-]/);
        }
        if (chosen.mergeSlashes) expect(result).not.toContain('//');
        if (!chosen.allowEncodedSlashes) expect(result).not.toMatch(/%2F|%5C/);
      }),
      { numRuns: 3000 },
    );
  });

  test('what is refused is refused however it is escaped around it, and what is admitted resolves as the URL standard does', () => {
    fc.assert(
      fc.property(paths, (path) => {
        const result = normalizePath(path);
        if (typeof result !== 'string' || path.startsWith('//')) return;
        const standard = new URL(`http://h${path}`).pathname;
        expect(normalizePath(standard)).toBe(result);
      }),
      { numRuns: 3000 },
    );
  });
});
