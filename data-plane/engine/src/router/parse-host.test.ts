import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normalizeHost, parseHost } from './parse-host.ts';

describe('a host pattern', () => {
  test('is an exact name or a wildcard, in lower case and without a trailing dot', () => {
    expect(parseHost('API.Example.com.')).toEqual({ kind: 'exact', name: 'api.example.com', labels: 3 });
    expect(parseHost('*.EU.example.com')).toEqual({ kind: 'wildcard', name: 'eu.example.com', labels: 3 });
    expect(parseHost('localhost')).toEqual({ kind: 'exact', name: 'localhost', labels: 1 });
    expect(parseHost('10.0.0.1')).toEqual({ kind: 'exact', name: '10.0.0.1', labels: 4 });
    expect(parseHost('[2001:DB8::1]')).toEqual({ kind: 'exact', name: '[2001:db8::1]', labels: 1 });
    expect(parseHost(`${'a'.repeat(63)}.b`)).toMatchObject({ kind: 'exact' });
  });

  const refused: readonly (readonly [host: string, reason: RegExp])[] = [
    ['', /leave hosts out/],
    ['*', /leave hosts out/],
    ['*.', /leave hosts out/],
    ['a.*.com', /whole first label/],
    ['*a.com', /whole first label/],
    ['*.*.com', /whole first label/],
    ['a.com:80', /must not have a port/],
    ['http://a.com', /without scheme/],
    ['a.com/x', /without scheme/],
    ['münchen.de', /ASCII form/],
    ['a..b', /labels of letters/],
    ['-a.com', /labels of letters/],
    ['a_-.com', /labels of letters/],
    [`${'a'.repeat(64)}.b`, /labels of letters/],
    ['a b', /labels of letters/],
    [`${'a.'.repeat(127)}aa`, /at most 253/],
    ['*.[::1]', /must not have a port/],
  ];
  for (const [host, reason] of refused) {
    test(`${JSON.stringify(host.slice(0, 20))} is refused with a reason`, () => {
      expect(parseHost(host)).toMatch(reason);
    });
  }
});

describe('the host of a request', () => {
  test('loses case, port and a trailing dot', () => {
    const rows = [
      ['example.com', 'example.com'],
      ['EXAMPLE.com:443', 'example.com'],
      ['example.com.', 'example.com'],
      ['example.com.:8080', 'example.com'],
      ['example.com:', 'example.com'],
      ['[::1]', '[::1]'],
      ['[::FFFF:10.0.0.1]:80', '[::ffff:10.0.0.1]'],
      ['', ''],
      [':80', ''],
      ['.', ''],
    ] as const;
    expect(rows.map(([host]) => [host, normalizeHost(host)])).toEqual(rows);
  });

  test('is found by the pattern it is written as', () => {
    const label = fc.stringMatching(/^[a-zA-Z0-9]{1,8}$/);
    fc.assert(
      fc.property(
        fc.array(label, { minLength: 1, maxLength: 5 }),
        fc.constantFrom('', '.', ':80', '.:80'),
        (labels, end) => {
          const host = labels.join('.');
          expect(parseHost(host)).toMatchObject({ name: normalizeHost(host + end) });
        },
      ),
    );
  });
});
