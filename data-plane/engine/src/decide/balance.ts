/** The weights of a service's endpoints, prepared once; endpoints are indexes 0..size-1. */
export interface WeightedSet {
  readonly size: number;
  readonly weights: Float64Array;
  /** Running sums of the weights; the last is the total. */
  readonly cumulative: Float64Array;
  /** All weights are alike: picks need no arithmetic. */
  readonly even: boolean;
}

/** Where a round robin stands. One per worker and service; mutable. */
export interface RoundRobin {
  /** May be replaced by one of the same endpoints with other weights. */
  set: WeightedSet;
  /** Smooth weighted: the credit of each endpoint. Even: unused. */
  readonly credit: Float64Array;
  next: number;
}

export type Eligible = (index: number) => boolean;

/** Weights are positive; 0 means never picked. */
export function weightedSet(weights: readonly number[]): WeightedSet {
  const cumulative = new Float64Array(weights.length);
  let total = 0;
  for (let i = 0; i < weights.length; i++) cumulative[i] = total += weights[i]!;
  return {
    size: weights.length,
    weights: Float64Array.from(weights),
    cumulative,
    even: weights.length > 0 && weights[0]! > 0 && weights.every((weight) => weight === weights[0]),
  };
}

/** A round robin that starts anywhere in its cycle, so that workers started together do not walk in step. */
export function roundRobin(set: WeightedSet, random: () => number): RoundRobin {
  const credit = new Float64Array(set.size);
  const total = set.size === 0 ? 0 : set.cumulative[set.size - 1]!;
  const position: RoundRobin = { set, credit, next: set.even ? Math.floor(random() * set.size) : 0 };
  if (!set.even) for (let i = 0; i < set.size; i++) credit[i] = (random() - 0.5) * Math.min(total, set.weights[i]! * 2);
  return position;
}

/**
 * Smooth weighted round robin: over any whole cycle each endpoint gets its weight's share, spread evenly instead of in runs.
 * Returns an index, or -1 when none is eligible. What is not eligible neither gains nor loses credit.
 */
export function pickRoundRobin(position: RoundRobin, eligible: Eligible): number {
  const { set } = position;
  return set.even ? pickNext(position, eligible) : pickByCredit(set, position.credit, eligible);
}

function pickNext(position: RoundRobin, eligible: Eligible): number {
  const { size } = position.set;
  let index = position.next;
  for (let tries = 0; tries < size; tries++) {
    const following = index + 1 === size ? 0 : index + 1;
    if (eligible(index)) {
      position.next = following;
      return index;
    }
    index = following;
  }
  return -1;
}

function pickByCredit(set: WeightedSet, credit: Float64Array, eligible: Eligible): number {
  let best = -1;
  let total = 0;
  for (let i = 0; i < set.size; i++) {
    const weight = set.weights[i]!;
    if (weight <= 0 || !eligible(i)) continue;
    total += weight;
    credit[i]! += weight;
    if (best === -1 || credit[i]! > credit[best]!) best = i;
  }
  if (best !== -1) credit[best]! -= total;
  return best;
}

/**
 * Least request by the power of two choices: two endpoints drawn by weight, the one with fewer requests in flight per weight wins,
 * the first drawn on a tie, so that an idle service is loaded exactly by its weights. Returns an index, or -1 when none is eligible.
 */
export function pickLeastRequest(
  set: WeightedSet,
  inFlight: (index: number) => number,
  eligible: Eligible,
  random: () => number,
): number {
  const first = draw(set, eligible, random, -1);
  if (first === -1) return -1;
  const second = draw(set, eligible, random, first);
  if (second === -1) return first;
  return inFlight(second) / set.weights[second]! < inFlight(first) / set.weights[first]! ? second : first;
}

/** At random, by weight. Returns an index, or -1 when none is eligible. */
export function pickRandom(set: WeightedSet, eligible: Eligible, random: () => number): number {
  return draw(set, eligible, random, -1);
}

/** One eligible endpoint by weight, other than `except`; -1 when there is none. */
function draw(set: WeightedSet, eligible: Eligible, random: () => number, except: number): number {
  for (let tries = 0; tries < 4; tries++) {
    const index = at(set, random());
    if (index !== -1 && index !== except && eligible(index)) return index;
  }
  let total = 0;
  for (let i = 0; i < set.size; i++) if (i !== except && eligible(i)) total += set.weights[i]!;
  let rest = random() * total;
  let last = -1;
  for (let i = 0; i < set.size; i++) {
    if (i === except || set.weights[i]! <= 0 || !eligible(i)) continue;
    last = i;
    rest -= set.weights[i]!;
    if (rest < 0) break;
  }
  return last;
}

/** The endpoint at `fraction` (0..1) of the total weight. */
function at(set: WeightedSet, fraction: number): number {
  if (set.size === 0) return -1;
  if (set.even) return Math.floor(fraction * set.size);
  const target = fraction * set.cumulative[set.size - 1]!;
  let low = 0;
  let high = set.size - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (set.cumulative[middle]! > target) high = middle;
    else low = middle + 1;
  }
  return low;
}
