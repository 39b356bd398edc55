import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CellKey, keyPart } from './cell-key.ts';
import { halfSipHash } from './half-sip-hash.ts';

/** HalfSipHash-2-4, 64 bits, key 00..07, messages 00 01 02 ... of the length given: the reference implementation's vectors. */
const vectors: readonly (readonly [bytes: number, hex: string])[] = [
  [4, 'd5e78a175be52ea1'],
  [6, 'ce3e91358aa2bc25'],
  [8, 'edfee820bce4858c'],
  [10, '95b0469f06a6f2ee'],
  [12, '7bc71f9faef5c799'],
  [14, '3bb1a870eae8e658'],
  [16, '7336aad25f7bf3b5'],
  [18, 'c9b2db2b9a3e42f9'],
  [20, '1bf52b0a6feea7db'],
  [22, 'e20103fa1ba776ef'],
  [24, '70741045ae3fa6f1'],
  [26, '0d899ed8112923f0'],
  [28, '2d925ffb1e0016b5'],
  [30, '291aaf864898179d'],
  [32, '28709d46d811626c'],
];

test('it agrees with the reference vectors', () => {
  for (const [length, hex] of vectors) {
    const bytes = Buffer.from(Array.from({ length }, (_, i) => i));
    const out = { lo: 0, hi: 0 };
    halfSipHash([0x03020100, 0x07060504], bytes.readInt32LE(0), bytes.subarray(4).toString('utf16le'), out);
    const got = Buffer.alloc(8);
    got.writeInt32LE(out.lo, 0);
    got.writeInt32LE(out.hi, 4);
    expect(`${length} ${got.toString('hex')}`).toBe(`${length} ${hex}`);
  }
});

const hashKey = [0x1234567, -0x76543210] as const;

function cellOf(...parts: readonly { lo: number; hi: number }[]): string {
  const key = new CellKey();
  key.begin(keyPart(hashKey, 'limit', 'Policy/p/l'));
  for (const part of parts) key.add(part);
  return `${key.lo} ${key.hi}`;
}

test('equal parts find the same cell, whatever was asked before', () => {
  const key = new CellKey();
  key.begin(keyPart(hashKey, 'limit', 'other'));
  key.add(keyPart(hashKey, 'consumer', 'x'));
  key.begin(keyPart(hashKey, 'limit', 'Policy/p/l'));
  key.add(keyPart(hashKey, 'consumer', 'a'));
  expect(`${key.lo} ${key.hi}`).toBe(cellOf(keyPart(hashKey, 'consumer', 'a')));
});

test('other parts, kinds, orders and limits find other cells', () => {
  const part = fc.tuple(fc.constantFrom('consumer', 'clientIp', 'header' as const), fc.string({ maxLength: 4 }));
  const key = fc.array(part, { maxLength: 3 });
  fc.assert(
    fc.property(key, key, (one, other) => {
      const cells = [one, other].map((parts) => cellOf(...parts.map(([kind, text]) => keyPart(hashKey, kind, text))));
      return (cells[0] === cells[1]) === (JSON.stringify(one) === JSON.stringify(other));
    }),
    { numRuns: 2000 },
  );
});

test('two parts that fell back to the same address keep clients apart', () => {
  const cells = Array.from({ length: 1000 }, (_, i) => {
    const address = keyPart(hashKey, 'clientIp', `10.0.${i >> 8}.${i & 255}`);
    return cellOf(address, address);
  });
  expect(new Set(cells).size).toBe(1000);
});
