import type { Eligible } from './balance.ts';
import { hashText } from './hash-text.ts';

export type HashAlgorithm = 'ring' | 'maglev';

/** An endpoint as a hash sees it: its name, whatever else changes, and its share. */
export interface HashedEndpoint {
  readonly address: string;
  /** Above 0. */
  readonly weight: number;
}

/** Which endpoint takes which hashes; endpoints are indexes into the list it was made of, which has at most MAX_HASHED. */
export interface HashTable {
  /** Ring: where each entry begins, ascending. Maglev: undefined, all entries are alike. */
  readonly starts: Uint32Array | undefined;
  readonly owners: Uint16Array;
}

export const MAX_HASHED = 65_536;
/** A ring's points: so many for the endpoint of the least weight, more for others in proportion, and fewer for all where they are too many. */
const LEAST_POINTS = 128;
const MOST_POINTS = 131_072;
/** A prime over 60 times the number of endpoints that a service may have. */
const MAGLEV_ENTRIES = 65_537;

export function hashTable(endpoints: readonly HashedEndpoint[], algorithm: HashAlgorithm): HashTable {
  return algorithm === 'ring' ? ringTable(endpoints) : maglevTable(endpoints);
}

/**
 * The endpoint that takes `hash` (32 bits), or, where it is not eligible, the next in the table's order that is; -1 when none is. What
 * one endpoint took goes to many others when it leaves, and nothing else moves (maglev: little else).
 */
export function pickByHash({ starts, owners }: HashTable, hash: number, eligible: Eligible): number {
  const { length } = owners;
  if (length === 0) return -1;
  let at = starts === undefined ? hash % length : pointFrom(starts, hash);
  let seen = -1;
  for (let tries = 0; tries < length; tries++) {
    const owner = owners[at]!;
    if (owner !== seen && eligible(owner)) return owner;
    seen = owner;
    at = at + 1 === length ? 0 : at + 1;
  }
  return -1;
}

/**
 * Each endpoint owns the arcs that end at its points. How many it has does not depend on how many endpoints there are, so that those
 * of the others stay theirs.
 */
function ringTable(endpoints: readonly HashedEndpoint[]): HashTable {
  const least = endpoints.reduce((weight, each) => Math.min(weight, each.weight), Number.POSITIVE_INFINITY);
  const wanted = endpoints.reduce((sum, { weight }) => sum + (LEAST_POINTS * weight) / least, 0);
  const scale = Math.min(1, MOST_POINTS / wanted);
  const counts = endpoints.map(({ weight }) => Math.max(1, Math.round((scale * LEAST_POINTS * weight) / least)));
  // The hash above, the owner below: sorted as numbers, which is much faster than pairs.
  const points = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
  let at = 0;
  endpoints.forEach(({ address }, index) => {
    for (let point = 0; point < counts[index]!; point++) points[at++] = hashText(address, point) * MAX_HASHED + index;
  });
  points.sort();
  const starts = new Uint32Array(points.length);
  const owners = new Uint16Array(points.length);
  points.forEach((point, i) => {
    starts[i] = Math.floor(point / MAX_HASHED);
    owners[i] = point % MAX_HASHED;
  });
  return { starts, owners };
}

/** The first point at or behind the hash; behind the last comes the first. */
function pointFrom(starts: Uint32Array, hash: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! < hash) low = middle + 1;
    else high = middle;
  }
  return low === starts.length ? 0 : low;
}

/** Maglev (Eisenbud et al., NSDI 2016, 3.4): each takes, in turn and as often as its weight says, the next entry of its own order that is free. */
function maglevTable(endpoints: readonly HashedEndpoint[]): HashTable {
  if (endpoints.length === 0) return { starts: undefined, owners: new Uint16Array(0) };
  const entries = MAGLEV_ENTRIES;
  const owners = new Uint16Array(entries);
  const taken = new Uint8Array(entries);
  const next = endpoints.map(({ address }) => hashText(address, 1) % entries);
  const skips = endpoints.map(({ address }) => (hashText(address, 2) % (entries - 1)) + 1);
  const heaviest = endpoints.reduce((most, { weight }) => Math.max(most, weight), 0);
  const due = new Float64Array(endpoints.length);
  for (let filled = 0; filled < entries; ) {
    for (let index = 0; index < endpoints.length && filled < entries; index++) {
      due[index]! += endpoints[index]!.weight / heaviest;
      if (due[index]! < 1) continue;
      due[index]! -= 1;
      let at = next[index]!;
      while (taken[at] === 1) at = (at + skips[index]!) % entries;
      taken[at] = 1;
      owners[at] = index;
      next[index] = at;
      filled++;
    }
  }
  return { starts: undefined, owners };
}
