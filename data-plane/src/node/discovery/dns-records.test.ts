import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foundAddresses, MAX_FOUND, MAX_SRV_NAMES, srvNames, type Target } from './dns-records.ts';

const target = (ip: string, more: Partial<Target> = {}): Target => ({ ip, port: 80, priority: 0, weight: 1, ...more });

test('endpoints come by priority, then by address, whatever the order of the answer', () => {
  const targets = [target('10.0.0.2'), target('fd00::1', { priority: 1 }), target('10.0.0.1', { port: 81 })];
  const expected = {
    found: [
      { address: '10.0.0.1:81', weight: 1, priority: 0 },
      { address: '10.0.0.2:80', weight: 1, priority: 0 },
      { address: '[fd00::1]:80', weight: 1, priority: 1 },
    ],
    leftOut: 0,
  };
  expect(foundAddresses(targets)).toEqual(expected);
  expect(foundAddresses(targets.toReversed())).toEqual(expected);
});

test('what is there twice is there once: with the first priority, and with the weights of that together', () => {
  const twice = [
    target('10.0.0.1', { priority: 2, weight: 9 }),
    target('10.0.0.1', { priority: 1, weight: 3 }),
    target('10.0.0.1', { priority: 1, weight: 4 }),
  ];
  expect(foundAddresses(twice).found).toEqual([{ address: '10.0.0.1:80', weight: 7, priority: 1 }]);
});

describe('weights are 1 to 1000', () => {
  test.each([
    [
      [0, 0],
      [1, 1],
    ],
    [
      [1, 3],
      [1, 3],
    ],
    [
      [1000, 1],
      [1000, 1],
    ],
    [
      [65_535, 32_768],
      [1000, 500],
    ],
    [
      [0, 1],
      [1, 1000],
    ],
    [
      [0, 65_535],
      [1, 1000],
    ],
  ])('%j as %j', (weights, expected) => {
    const { found } = foundAddresses(weights.map((weight, index) => target(`10.0.0.${index}`, { weight })));
    expect(found.map(({ weight }) => weight)).toEqual(expected);
  });

  test('whatever they are', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 65_535 }), { minLength: 1, maxLength: 20 }), (weights) => {
        const { found } = foundAddresses(weights.map((weight, index) => target(`10.0.0.${index}`, { weight })));
        for (const { weight } of found) {
          expect(Number.isInteger(weight) && weight >= 1 && weight <= 1000).toBe(true);
        }
      }),
    );
  });
});

test('as many as a service may have are taken, and of one more the last of the last priority is left out', () => {
  const many = Array.from({ length: MAX_FOUND }, (_, i) => target(`10.0.${i >> 8}.${i & 255}`));
  expect(foundAddresses(many)).toMatchObject({ found: { length: MAX_FOUND }, leftOut: 0 });
  const { found, leftOut } = foundAddresses([target('9.9.9.9', { priority: 1 }), ...many]);
  expect([found.length, leftOut, found.some(({ address }) => address === '9.9.9.9:80')]).toEqual([MAX_FOUND, 1, false]);
});

test('names that records lead to are asked for once, the first priorities first, and so many at most', () => {
  const record = { name: 'b.example', port: 80, priority: 1, weight: 0 };
  const records = [
    record,
    { ...record, name: 'B.example', port: 81 },
    { ...record, name: 'a.example', priority: 0 },
    { ...record, name: '.' },
    { ...record, name: '' },
    { ...record, name: 'closed.example', port: 0 },
  ];
  expect(srvNames(records)).toEqual(['a.example', 'b.example']);
  const many = Array.from({ length: MAX_SRV_NAMES + 1 }, (_, i) => ({ ...record, name: `n${i}.example` }));
  expect(srvNames(many.slice(1)).length).toBe(MAX_SRV_NAMES);
  expect(srvNames(many).length).toBe(MAX_SRV_NAMES);
});
