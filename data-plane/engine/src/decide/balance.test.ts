import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pickLeastRequest, pickRandom, pickRoundRobin, roundRobin, type WeightedSet, weightedSet } from './balance.ts';

const all = () => true;

/** A fixed sequence of numbers in [0, 1). */
function sequence(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b9);
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function tally(picks: number, pick: () => number, size: number): number[] {
  const counts = new Array<number>(size).fill(0);
  for (let i = 0; i < picks; i++) counts[pick()]!++;
  return counts;
}

test('an even round robin visits each endpoint once a cycle, from a start that differs', () => {
  const set = weightedSet([2, 2, 2]);
  const starts = new Set<number>();
  for (let seed = 1; seed < 50; seed++) {
    const position = roundRobin(set, sequence(seed));
    starts.add(position.next);
    expect(tally(300, () => pickRoundRobin(position, all), 3)).toEqual([100, 100, 100]);
  }
  expect(starts.size).toBe(3);
});

test('a weighted round robin gives each endpoint its share of any whole cycle, within one', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 6 }), fc.nat(), (weights, seed) => {
      const position = roundRobin(weightedSet(weights), sequence(seed));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const counts = tally(total * 10, () => pickRoundRobin(position, all), weights.length);
      weights.forEach((weight, i) => {
        expect(Math.abs(counts[i]! - weight * 10)).toBeLessThanOrEqual(weights.length);
      });
    }),
  );
});

test('a weighted round robin spreads the picks of a heavy endpoint', () => {
  const position = roundRobin(weightedSet([5, 1, 1]), () => 0.5);
  const picks = Array.from({ length: 7 }, () => pickRoundRobin(position, all));
  expect(picks).toEqual([0, 0, 1, 0, 2, 0, 0]);
});

test('what is not eligible is never picked, and nothing is when nothing is eligible', () => {
  for (const weights of [[1, 1, 1], [3, 2, 1], []]) {
    const set = weightedSet(weights);
    const position = roundRobin(set, sequence(7));
    const random = sequence(9);
    const notFirst = (index: number) => index !== 0;
    for (let i = 0; i < 100 && weights.length > 0; i++) {
      expect(pickRoundRobin(position, notFirst)).not.toBe(0);
      expect(pickLeastRequest(set, () => 0, notFirst, random)).not.toBe(0);
      expect(pickRandom(set, notFirst, random)).not.toBe(0);
    }
    expect(pickRandom(set, () => false, random)).toBe(-1);
    expect(pickRoundRobin(position, () => false)).toBe(-1);
    expect(
      pickLeastRequest(
        set,
        () => 0,
        () => false,
        random,
      ),
    ).toBe(-1);
  }
});

test.each([
  [
    'least request, where nothing is in flight',
    (set: WeightedSet, random: () => number) => pickLeastRequest(set, () => 0, all, random),
  ],
  ['random', (set: WeightedSet, random: () => number) => pickRandom(set, all, random)],
])('%s loads by the weights', (_, pick) => {
  const set = weightedSet([6, 3, 1]);
  const random = sequence(3);
  const counts = tally(100_000, () => pick(set, random), 3);
  for (const [i, share] of [0.6, 0.3, 0.1].entries()) expect(counts[i]! / 100_000).toBeCloseTo(share, 1);
});

test('of two choices the one with fewer requests per weight wins', () => {
  const set = weightedSet([2, 1]);
  const random = sequence(5);
  const pick = (inFlight: readonly number[]) =>
    tally(200, () => pickLeastRequest(set, (index) => inFlight[index]!, all, random), 2);
  expect(pick([3, 2])).toEqual([200, 0]);
  expect(pick([5, 2])).toEqual([0, 200]);
});

test('least request evens out what is in flight', () => {
  const set = weightedSet([1, 1, 1, 1]);
  const random = sequence(11);
  const inFlight = [40, 0, 0, 0];
  for (let i = 0; i < 120; i++) inFlight[pickLeastRequest(set, (index) => inFlight[index]!, all, random)]!++;
  expect(inFlight[0]).toBe(40);
  expect(Math.max(...inFlight) - Math.min(...inFlight)).toBeLessThanOrEqual(6);
});

test('a weight of 0 is never picked', () => {
  const set = weightedSet([0, 1]);
  const position = roundRobin(set, sequence(1));
  const random = sequence(2);
  for (let i = 0; i < 100; i++) {
    expect(pickRoundRobin(position, all)).toBe(1);
    expect(pickLeastRequest(set, () => 0, all, random)).toBe(1);
    expect(pickRandom(set, all, random)).toBe(1);
  }
});
