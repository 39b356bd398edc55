import { describe, expect, test } from 'vitest';
import { CacheFills, FILL_TAKEN, FILLS_BYTES, UNSHARED_FILL } from './cache-fills.ts';

const node = () => {
  const region = { cacheFills: new SharedArrayBuffer(FILLS_BYTES) };
  return [0, 1, 256].map((writer) => new CacheFills(region, writer)) as [CacheFills, CacheFills, CacheFills];
};

describe('fills of the cache', () => {
  test('are one for each key of a node, and end', () => {
    const [one, two] = node();
    const key = { lo: 7, hi: 9 };
    const cell = one.begin(key);
    expect(cell).toBeGreaterThanOrEqual(0);
    expect(two.begin(key)).toBe(FILL_TAKEN);
    expect(one.begin(key)).toBe(FILL_TAKEN);
    expect(two.begin({ lo: 8, hi: 9 })).toBeGreaterThanOrEqual(0);
    expect(one.end(cell)).toBe(false);
    expect(two.begin(key)).toBeGreaterThanOrEqual(0);
  });

  test('ring who waits, once', () => {
    const [one, two] = node();
    const key = { lo: -1, hi: -1 };
    const cell = one.begin(key);
    expect(two.begin(key)).toBe(FILL_TAKEN);
    const { busyCell, busyWord } = two;
    expect(two.goesOn(busyCell, busyWord)).toBe(true);
    expect(one.end(cell)).toBe(true);
    expect(two.goesOn(busyCell, busyWord)).toBe(false);
    // Another fill of the same key is another.
    one.begin(key);
    expect(two.goesOn(busyCell, busyWord)).toBe(false);
  });

  test("of a worker that ended are nobody else's wait", () => {
    const [one, two, last] = node();
    const [first, second] = [one.begin({ lo: 1, hi: 1 }), last.begin({ lo: 2, hi: 2 })];
    expect(Math.min(first, second)).toBeGreaterThanOrEqual(0);
    two.releaseWorker(256);
    expect(two.begin({ lo: 2, hi: 2 })).toBeGreaterThanOrEqual(0);
    expect(two.begin({ lo: 1, hi: 1 })).toBe(FILL_TAKEN);
    two.releaseWorker(0);
    expect(two.begin({ lo: 1, hi: 1 })).toBeGreaterThanOrEqual(0);
  });

  test('are told to nobody where there is no room, at the ninth of the same place', () => {
    const [one] = node();
    for (let n = 0; n < 8; n++) expect(one.begin({ lo: n, hi: 5 })).toBeGreaterThanOrEqual(0);
    expect(one.begin({ lo: 8, hi: 5 })).toBe(UNSHARED_FILL);
    expect(one.end(UNSHARED_FILL)).toBe(false);
  });
});
