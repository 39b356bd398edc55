import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseHttpDate } from './http-date.ts';

const NOW = Date.UTC(2026, 10, 21);

test.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
  '%s is the same moment in each form',
  (text) => {
    expect(parseHttpDate(text, NOW)).toBe(784_111_777_000);
  },
);

test('what the platform writes is read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
      expect(parseHttpDate(new Date(seconds * 1000).toUTCString(), NOW)).toBe(seconds * 1000);
    }),
  );
});

test('a year of two digits is the one within fifty years', () => {
  const years = ['26', '76', '77', '00', '99'].map((year) => {
    const unixMs = parseHttpDate(`Sunday, 06-Nov-${year} 08:49:37 GMT`, NOW);
    return new Date(unixMs as number).getUTCFullYear();
  });
  expect(years).toEqual([2026, 2076, 1977, 2000, 1999]);
});

test.each([
  '',
  'soon',
  '1994-11-06T08:49:37Z',
  'Sun, 06 Nov 1994 08:49:37',
  'Sun, 06 Nov 1994 08:49:37 +0100',
  'Sun, 06 Nov 1994 24:00:00 GMT',
  'Sun, 06 Nov 1994 08:60:00 GMT',
  'Sun, 31 Nov 1994 08:49:37 GMT',
  'Sun, 00 Nov 1994 08:49:37 GMT',
  'Sun, 06 Foo 1994 08:49:37 GMT',
])('%j is no date', (text) => {
  expect(parseHttpDate(text, NOW)).toBeUndefined();
});
