import { type Hash64, halfSipHash } from './half-sip-hash.ts';

/** What a part of a limiter key is: parts of different kinds never collide, whatever their text. */
export const KEY_PART = {
  limit: 1,
  consumer: 2,
  apiKey: 3,
  clientIp: 4,
  route: 5,
  service: 6,
  header: 7,
  claim: 8,
  cacheRoute: 9,
  cacheTag: 10,
  cacheAddress: 11,
  cacheKey: 12,
} as const;
export type KeyPartKind = keyof typeof KEY_PART;

/** The hash of one part: of a limit, a consumer or a route it is computed once and kept. */
export type KeyPart = Readonly<Hash64>;

/** The hash of `text` as a part of `kind`. `hashKey` is the region's. */
export function keyPart(hashKey: readonly [number, number], kind: KeyPartKind, text: string): KeyPart {
  const part = { lo: 0, hi: 0 };
  halfSipHash(hashKey, KEY_PART[kind], text, part);
  return part;
}

/** As `keyPart`, into an object that is used again. */
export function keyPartInto(hashKey: readonly [number, number], kind: KeyPartKind, text: string, out: Hash64): void {
  halfSipHash(hashKey, KEY_PART[kind], text, out);
}

/**
 * Finds a limiter cell: the limit's part, then one part for each entry of its `by`, in order. One object per worker is enough:
 * `key.begin(limit); key.add(consumer); limiter.charge(key, ...)`.
 *
 * Each part is the output of a keyed hash nobody outside can see, so mixing them by xor keeps collisions at chance; each position
 * is scrambled its own way, so that equal parts (two absent headers, both replaced by the client's address) do not cancel out.
 */
export class CellKey {
  lo = 0;
  hi = 0;
  #position = 0;

  begin(limit: KeyPart): void {
    this.lo = limit.lo;
    this.hi = limit.hi;
    this.#position = 0;
  }

  add(part: KeyPart): void {
    const salt = Math.imul(++this.#position, 0x9e3779b9);
    this.lo ^= scramble(part.lo ^ salt);
    this.hi ^= scramble(part.hi + salt);
  }
}

/** A bijection of 32 bits that is not linear under xor (the finalizer of MurmurHash3, shortened). */
function scramble(word: number): number {
  let x = word ^ (word >>> 16);
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  return x ^ (x >>> 16);
}
