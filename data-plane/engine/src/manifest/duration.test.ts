import { create } from '@bufbuild/protobuf';
import { DurationSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';

test.each([
  ['0s', 0n, 0],
  ['1ns', 0n, 1],
  ['1500us', 0n, 1_500_000],
  ['250ms', 0n, 250_000_000],
  ['90s', 90n, 0],
  ['1m', 60n, 0],
  ['2h', 7200n, 0],
  ['30d', 2_592_000n, 0],
  ['1001ms', 1n, 1_000_000],
])('%s is written and read', (text, seconds, nanos) => {
  const duration = create(DurationSchema, { seconds, nanos });
  expect(parseDuration(text)).toEqual(duration);
  expect(formatDuration(duration)).toBe(text);
});

test('larger units are used where they say the same', () => {
  expect(formatDuration(parse('60000ms'))).toBe('1m');
  expect(formatDuration(parse('36h'))).toBe('36h');
  expect(formatDuration(parse('48h'))).toBe('2d');
});

test.each(['', '5', '5 s', '1.5s', '-1s', '1h30m', '5S', '٣s', '5min', '1e3s', ' 5s'])('%j is no duration', (text) => {
  expect(parseDuration(text)).toMatch(/is not a duration/);
});

test('a duration longer than protobuf holds is refused', () => {
  expect(parseDuration('3652500d')).toEqual(create(DurationSchema, { seconds: 315_576_000_000n }));
  expect(parseDuration('3652501d')).toMatch(/too long/);
});

test('every duration is read as it was written', () => {
  const duration = fc.record({ seconds: fc.bigInt(0n, 315_575_999_999n), nanos: fc.nat({ max: 999_999_999 }) });
  fc.assert(
    fc.property(duration, (each) => {
      const made = create(DurationSchema, each);
      expect(parseDuration(formatDuration(made))).toEqual(made);
    }),
  );
});

function parse(text: string) {
  const duration = parseDuration(text);
  if (typeof duration === 'string') throw new Error(duration);
  return duration;
}
