import type { Hash64 } from './half-sip-hash.ts';
import type { SharedRegion } from './region.ts';

/** Records begin at multiples of this. */
const UNIT = 64;
/** Places that a key may be at. */
const WAYS = 4;
/** Of one ring: what is larger would push out everything else. */
const LARGEST_SHARE = 4;
const POSITION_BITS = 44n;
const POSITION_MASK = (1n << POSITION_BITS) - 1n;
/** Before the bytes of a record: its length in bytes and the hash of its key. */
const HEADER_BYTES = 16;

export interface ResponseStoreBuffers {
  /** A ring for each worker's seat, one behind the other. */
  readonly rings: SharedArrayBuffer;
  /** How far each seat has written, in units since the process began; one cache line each. */
  readonly heads: SharedArrayBuffer;
  /** Where records are: seat and position, or 0. */
  readonly places: SharedArrayBuffer;
  /** Part of the key's hash of what is there: a hint. */
  readonly hints: SharedArrayBuffer;
}

/** @param bytes what all records may take; 0: nothing is kept */
export function createResponseStore(bytes: number, seats: number): ResponseStoreBuffers {
  const ringBytes = Math.floor(bytes / seats / UNIT) * UNIT;
  const places = 2 ** Math.max(8, Math.ceil(Math.log2(Math.max(1, bytes / 1024))));
  return {
    rings: new SharedArrayBuffer(ringBytes * seats),
    heads: new SharedArrayBuffer(seats * UNIT),
    places: new SharedArrayBuffer(places * 8),
    hints: new SharedArrayBuffer(places * 4),
  };
}

/**
 * Records by the hash of their keys, in memory that all workers share and that never grows. Each worker writes into a ring of its own,
 * over what is oldest there, and all read everything: first it says how far it is going to write, then it writes, then it says where the
 * record is. Who has copied a record looks whether its place was written over meanwhile; if so there was none. A worker that dies while
 * it writes has said nowhere that there is a record.
 *
 * A hash may stand for another key, and a place may be taken by another key at any time: who reads compares the key in the record.
 */
export class ResponseStore {
  readonly #bytes: Buffer;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #heads: BigInt64Array<SharedArrayBuffer>;
  readonly #places: BigInt64Array<SharedArrayBuffer>;
  readonly #hints: Int32Array<SharedArrayBuffer>;
  readonly #ringUnits: number;
  readonly #seat: number;
  readonly #seats: number;
  readonly #fence = new Int32Array(new SharedArrayBuffer(4));

  constructor(region: Pick<SharedRegion, 'responses'>, writer: number) {
    const { rings, heads, places, hints } = region.responses;
    this.#seats = heads.byteLength / UNIT;
    this.#bytes = Buffer.from(rings);
    this.#words = new Int32Array(rings);
    this.#heads = new BigInt64Array(heads);
    this.#places = new BigInt64Array(places);
    this.#hints = new Int32Array(hints);
    this.#ringUnits = rings.byteLength / this.#seats / UNIT;
    this.#seat = writer;
  }

  /** The largest record that is taken. */
  get largestBytes(): number {
    return Math.floor(this.#ringUnits / LARGEST_SHARE) * UNIT - HEADER_BYTES;
  }

  /** Keeps a record of these parts, one behind the other. False: it is too large. Main and whoever has no ring keep nothing. */
  put(key: Hash64, parts: readonly Uint8Array[]): boolean {
    let length = 0;
    for (const part of parts) length += part.length;
    if (length > this.largestBytes || this.#seat >= this.#seats) return false;
    const units = Math.ceil((length + HEADER_BYTES) / UNIT);
    const position = this.#reserve(units);
    let at = this.#byteAt(this.#seat, position);
    this.#words[at / 4] = length;
    this.#words[at / 4 + 1] = key.lo;
    this.#words[at / 4 + 2] = key.hi;
    at += HEADER_BYTES;
    for (const part of parts) {
      this.#bytes.set(part, at);
      at += part.length;
    }
    this.#publish(key, position);
    return true;
  }

  /** A copy of the record, or undefined. It is one of a key with this hash. */
  get(key: Hash64): Buffer | undefined {
    const first = this.#firstPlace(key);
    for (let place = first; place < first + WAYS; place++) {
      if (this.#hints[place] !== key.lo) continue;
      const value = Atomics.load(this.#places, place);
      if (value === 0n) continue;
      const record = this.#copy(key, Number(value >> POSITION_BITS) - 1, Number(value & POSITION_MASK));
      if (record !== undefined) return record;
    }
    return undefined;
  }

  #copy(key: Hash64, seat: number, position: number): Buffer | undefined {
    if (!this.#isWhole(seat, position)) return undefined;
    const at = this.#byteAt(seat, position);
    const length = this.#words[at / 4]!;
    if (this.#words[at / 4 + 1] !== key.lo || this.#words[at / 4 + 2] !== key.hi) return undefined;
    if (length < 0 || length > this.largestBytes) return undefined;
    const record = Buffer.allocUnsafe(length);
    this.#bytes.copy(record, 0, at + HEADER_BYTES, at + HEADER_BYTES + length);
    // What was read before this is not read after it.
    Atomics.add(this.#fence, 0, 1);
    return this.#isWhole(seat, position) ? record : undefined;
  }

  /** Nothing was, or is being, written over what is at this position. */
  #isWhole(seat: number, position: number): boolean {
    return Number(Atomics.load(this.#heads, headAt(seat))) - position <= this.#ringUnits;
  }

  /** Room in one piece: where too little is left before the end of the ring, it begins anew. */
  #reserve(units: number): number {
    const head = Number(Atomics.load(this.#heads, headAt(this.#seat)));
    const left = this.#ringUnits - (head % this.#ringUnits);
    const position = left < units ? head + left : head;
    // Said before anything is written; a swap, so that no write comes before it.
    Atomics.exchange(this.#heads, headAt(this.#seat), BigInt(position + units));
    return position;
  }

  /** In place of what the key had, else of what is gone, else of any. */
  #publish(key: Hash64, position: number): void {
    const first = this.#firstPlace(key);
    let chosen = first + (position % WAYS);
    for (let place = first; place < first + WAYS; place++) {
      const value = Atomics.load(this.#places, place);
      if (value !== 0n && this.#hints[place] === key.lo) {
        chosen = place;
        break;
      }
      if (value === 0n || !this.#isWhole(Number(value >> POSITION_BITS) - 1, Number(value & POSITION_MASK)))
        chosen = place;
    }
    Atomics.store(this.#places, chosen, (BigInt(this.#seat + 1) << POSITION_BITS) | BigInt(position));
    this.#hints[chosen] = key.lo;
  }

  #firstPlace(key: Hash64): number {
    return (key.hi & (this.#places.length / WAYS - 1)) * WAYS;
  }

  #byteAt(seat: number, position: number): number {
    return (seat * this.#ringUnits + (position % this.#ringUnits)) * UNIT;
  }
}

function headAt(seat: number): number {
  return (seat * UNIT) / 8;
}
