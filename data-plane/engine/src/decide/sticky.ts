import { mixHash } from './hash-text.ts';

/** One of several that share callers by weight. */
export interface StickyChoice {
  /** Of its name. */
  readonly nameHash: number;
  /** Above 0. */
  readonly weight: number;
}

/**
 * Which of `choices` a caller keeps, by the hash of who it is: over many callers each gets its weight's share, and where one comes,
 * leaves or changes its weight, callers move only to it or from it (weighted rendezvous hashing: Schindelhauer and Schomaker, 2005).
 * The index, -1 of none. Costs a hash over what the caller is told by, and a logarithm for each destination.
 */
export function pickSticky(choices: readonly StickyChoice[], hash: number): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < choices.length; i++) {
    const { nameHash, weight } = choices[i]!;
    // In (0, 1]: how early its exponential clock of this rate would ring.
    const uniform = (mixHash(hash ^ nameHash) + 1) / 2 ** 32;
    const time = -Math.log(uniform) / weight;
    if (best === -1 || time < least) {
      best = i;
      least = time;
    }
  }
  return best;
}
