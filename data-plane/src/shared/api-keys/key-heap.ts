import { FIRST_UNIT, type KeyMemory, UNIT_BYTES } from './key-memory.ts';

/** There is no room for more. */
export class KeysFull extends Error {
  constructor(maxBytes: number) {
    super(`the API keys need more than the ${maxBytes / 1024 / 1024} MiB that a node has for them`);
  }
}

const GROW_BYTES = 1024 * 1024;
/** What is given back and is at least so long is cut up again; shorter, it waits for one of its length. */
const LARGE_UNITS = 128;

interface Area {
  readonly unit: number;
  readonly units: number;
}

/** Gives away the memory of keys, in the main thread. */
export class KeyHeap {
  readonly #memory: KeyMemory;
  /** By length. */
  readonly #free = new Map<number, number[]>();
  #large: Area[] = [];
  /** What was named until a while ago: of each area its unit, then how many there are; negative where it is no record. */
  #retired: number[] = [];
  /** Areas that were retired before those. */
  #reclaimed = 0;
  #next = FIRST_UNIT;
  #end: number;
  /** Those that may still be read too. */
  #recordUnits = 0;
  #pins = 0;

  constructor(memory: KeyMemory) {
    this.#memory = memory;
    this.#end = memory.buffer.byteLength / UNIT_BYTES;
  }

  /**
   * Room for a record: zeros or rubbish.
   * @throws KeysFull
   */
  takeRecord(units: number): number {
    // The other half is for what finds so many, whatever their order: to make a change that was taken in needs nothing that may lack.
    const maxBytes = this.#memory.buffer.maxByteLength / 2;
    if ((this.#recordUnits + units) * UNIT_BYTES > maxBytes) throw new KeysFull(maxBytes);
    this.#recordUnits += units;
    return this.take(units);
  }

  /** A record that nobody ever named. */
  giveRecordBack(unit: number, units: number): void {
    this.#recordUnits -= units;
    this.#giveBack(unit, units);
  }

  /** A record that is no longer named, and may still be read. */
  retireRecord(unit: number, units: number): void {
    this.#retired.push(unit, units);
  }

  /** Nothing is taken. Before anyone reads. */
  clear(): void {
    this.#free.clear();
    this.#large = [];
    this.#retired = [];
    this.#recordUnits = 0;
    this.#next = FIRST_UNIT;
    this.#end = this.#memory.buffer.byteLength / UNIT_BYTES;
  }

  /** Zeros or rubbish of that length. */
  take(units: number): number {
    const unit = this.#free.get(units)?.pop();
    if (unit !== undefined) return unit;
    if (this.#end - this.#next < units) this.#open(units);
    this.#next += units;
    return this.#next - units;
  }

  /** What is no longer named, is no record, and may still be read. */
  retire(unit: number, units: number): void {
    this.#retired.push(unit, -units);
  }

  /** How much was ever retired: to be asked before workers are. */
  get retired(): number {
    return this.#reclaimed + this.#retired.length / 2;
  }

  /** Every worker has answered since so much was {@link retired}. Nothing is used again while it is pinned. */
  reclaim(retired: number): void {
    const count = retired - this.#reclaimed;
    if (this.#pins > 0 || count <= 0) return;
    for (let i = 0; i < 2 * count; i += 2) {
      const units = this.#retired[i + 1]!;
      if (units > 0) this.#recordUnits -= units;
      this.#giveBack(this.#retired[i]!, Math.abs(units));
    }
    this.#retired = this.#retired.slice(2 * count);
    this.#reclaimed = retired;
  }

  /** All records that are there now stay readable until `unpin`. */
  pin(): void {
    this.#pins++;
  }

  unpin(): void {
    this.#pins--;
  }

  /** What is left of the present stretch is kept for what is as short; another one begins. */
  #open(units: number): void {
    const left = this.#end - this.#next;
    const index = this.#large.findIndex((area) => area.units >= units);
    const [area] = index < 0 ? [] : this.#large.splice(index, 1);
    if (area !== undefined) {
      if (left > 0) this.#giveBack(this.#next, left);
      this.#next = area.unit;
      this.#end = area.unit + area.units;
      return;
    }
    const { buffer } = this.#memory;
    const before = buffer.byteLength / UNIT_BYTES;
    const isLast = this.#end === before;
    const needed = (units - (isLast ? left : 0)) * UNIT_BYTES;
    const grown = Math.min(buffer.maxByteLength, buffer.byteLength + Math.ceil(needed / GROW_BYTES) * GROW_BYTES);
    if (!isLast && left > 0) this.#giveBack(this.#next, left);
    buffer.grow(grown);
    this.#memory.refresh();
    if (!isLast) this.#next = before;
    this.#end = grown / UNIT_BYTES;
  }

  #giveBack(unit: number, units: number): void {
    if (units >= LARGE_UNITS) {
      this.#large.push({ unit, units });
      return;
    }
    const free = this.#free.get(units);
    if (free === undefined) this.#free.set(units, [unit]);
    else free.push(unit);
  }
}
