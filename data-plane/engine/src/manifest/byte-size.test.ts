import { create } from '@bufbuild/protobuf';
import { ByteSizeSchema } from '@sluice/proto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatByteSize, parseByteSize } from './byte-size.ts';

test.each([
  ['0B', 0n],
  ['512B', 512n],
  ['8KiB', 8192n],
  ['1025B', 1025n],
  ['10MiB', 10_485_760n],
  ['1GiB', 1_073_741_824n],
  ['9007199254740991B', 9_007_199_254_740_991n],
])('%s is written and read', (text, bytes) => {
  const size = create(ByteSizeSchema, { bytes });
  expect(parseByteSize(text)).toEqual(size);
  expect(formatByteSize(size)).toBe(text);
});

test.each([
  ['8KB', '8KiB'],
  ['8 kb', '8KiB'],
  ['12m', '12MiB'],
  ['1.5MiB', '512B, 8KiB, 10MiB or 1GiB'],
  ['8kib', '512B, 8KiB, 10MiB or 1GiB'],
  ['-1B', '512B, 8KiB, 10MiB or 1GiB'],
  ['', '512B, 8KiB, 10MiB or 1GiB'],
])('%j is no size, and %s is suggested', (text, suggestion) => {
  expect(parseByteSize(text)).toBe(
    `${JSON.stringify(text)} is not a size; write a whole number and a unit, as in ${suggestion}`,
  );
});

test('a size that JSON cannot hold exactly is refused', () => {
  expect(parseByteSize('9007199254740992B')).toMatch(/too large/);
  expect(parseByteSize('8388608GiB')).toMatch(/too large/);
});

test('every size is read as it was written', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 53n - 1n), (bytes) => {
      const size = create(ByteSizeSchema, { bytes });
      expect(parseByteSize(formatByteSize(size))).toEqual(size);
    }),
  );
});
