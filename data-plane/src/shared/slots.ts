import { NO_SLOT, OVERFLOW_SLOT, type SharedRegion, SLOT_KINDS, type SlotKind } from './region.ts';

/**
 * The main thread's directory of one kind: which name has which slot. A slot belongs to its name for the life of the process:
 * a name that returns gets it again, and it never goes to another name.
 */
export class Slots {
  readonly #names: (string | undefined)[] = ['', OVERFLOW_NAME];
  readonly #slots = new Map<string, number>();
  readonly #live = new Set<string>();
  readonly #count: number;
  #overflowed = 0;

  constructor(count: number) {
    this.#count = count;
  }

  /** The slot of `name`, now in use; OVERFLOW_SLOT when the table is full. */
  assign(name: string): number {
    const known = this.#slots.get(name);
    if (known !== undefined) {
      this.#live.add(name);
      return known;
    }
    if (this.#names.length >= this.#count) {
      this.#overflowed++;
      return OVERFLOW_SLOT;
    }
    const slot = this.#names.length;
    this.#names.push(name);
    this.#slots.set(name, slot);
    this.#live.add(name);
    return slot;
  }

  /** `name` is no longer in use: its series end. */
  release(name: string): void {
    this.#live.delete(name);
  }

  /** The slot of a name in use. */
  slotOf(name: string): number | undefined {
    return this.#live.has(name) ? this.#slots.get(name) : undefined;
  }

  /** The name in use at `slot`: '' for NO_SLOT, `_overflow` for OVERFLOW_SLOT, undefined when it is not in use. */
  nameOf(slot: number): string | undefined {
    const name = this.#names[slot];
    if (slot === NO_SLOT || slot === OVERFLOW_SLOT) return name;
    return name !== undefined && this.#live.has(name) ? name : undefined;
  }

  /** Slots handed out, reserved ones included: no cell past this was ever used. */
  get used(): number {
    return this.#names.length;
  }

  /** Names in use and their slots. */
  *entries(): IterableIterator<[name: string, slot: number]> {
    for (const name of this.#live) yield [name, this.#slots.get(name)!];
  }

  /** Names that were in use and are no more, and their slots. */
  *released(): IterableIterator<[name: string, slot: number]> {
    for (const [name, slot] of this.#slots) if (!this.#live.has(name)) yield [name, slot];
  }

  /** How often a name was sent to the overflow slot. */
  get overflowed(): number {
    return this.#overflowed;
  }
}

/** No resource can be called that: names are DNS labels. */
export const OVERFLOW_NAME = '_overflow';

export type SlotDirectory = Readonly<Record<SlotKind, Slots>>;

/** Directories for all kinds, of the region's sizes. Main only. */
export function createSlotDirectory(region: SharedRegion): SlotDirectory {
  return Object.fromEntries(SLOT_KINDS.map((kind) => [kind, new Slots(region.slots[kind])])) as Record<SlotKind, Slots>;
}
