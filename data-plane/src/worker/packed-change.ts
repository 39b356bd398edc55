import type { ActiveChange, ItemSecret, SlotSource } from '@sluice/engine';
import { OVERFLOW_SLOT } from '../shared/index.ts';

/** Slots that a change's plans need and that workers may not know yet, by what `SlotSource` asks for. */
export interface SlotAssignments {
  readonly routes: readonly SlotAssignment[];
  readonly services: readonly SlotAssignment[];
  /** Named `SERVICE/ADDRESS`. */
  readonly endpoints: readonly SlotAssignment[];
  readonly limits: readonly SlotAssignment[];
  readonly policies: readonly SlotAssignment[];
}

export type SlotAssignment = readonly [name: string, slot: number];

const SLOT_FIELDS = ['routes', 'services', 'endpoints', 'limits', 'policies'] as const;

/**
 * A change and its slots in one buffer that all workers read: a list of lists, each its count and then its records; a number is
 * four bytes, little-endian, and a text or the content of an item its length and then its bytes.
 */
export function packChange(change: ActiveChange, slots: SlotAssignments): SharedArrayBuffer {
  const packed = new Packing(change.upserts.reduce((total, { content }) => total + content.length, 0));
  for (const field of SLOT_FIELDS) {
    packed.number(slots[field].length);
    for (const [name, slot] of slots[field]) {
      packed.text(name);
      packed.number(slot);
    }
  }
  packed.number(change.removals.length);
  for (const { kind, name } of change.removals) {
    packed.text(kind);
    packed.text(name);
  }
  packed.number(change.upserts.length);
  for (const { kind, name, unavailable, content, secrets = [] } of change.upserts) {
    packed.text(kind);
    packed.text(name);
    packed.number(unavailable === undefined ? 0 : 1);
    packed.text(unavailable ?? '');
    packed.bytes(content);
    packed.number(secrets.length);
    for (const { field, fingerprint, value } of secrets) {
      packed.text(field);
      packed.text(fingerprint);
      packed.text(value);
    }
  }
  return packed.shared();
}

export function unpackChange(packed: SharedArrayBuffer): { change: ActiveChange; slots: SlotAssignments } {
  // A copy: text decoders refuse shared memory.
  const buffer = Buffer.from(new Uint8Array(packed));
  let at = 0;
  const number = () => {
    const value = buffer.readInt32LE(at);
    at += 4;
    return value;
  };
  const bytes = () => {
    const length = number();
    at += length;
    return buffer.subarray(at - length, at);
  };
  const text = () => bytes().toString();
  const list = <T>(record: () => T) => Array.from({ length: number() }, record);
  const [routes, services, endpoints, limits, policies] = SLOT_FIELDS.map(() =>
    list((): SlotAssignment => [text(), number()]),
  );
  const removals = list(() => ({ kind: text(), name: text() }));
  const upserts = list(() => {
    const [kind, name, isUnavailable, reason] = [text(), text(), number() === 1, text()];
    const content = bytes();
    const secrets = list((): ItemSecret => ({ field: text(), fingerprint: text(), value: text() }));
    return { kind, name, unavailable: isUnavailable ? reason : undefined, content, secrets };
  });
  return {
    change: { upserts, removals },
    slots: { routes: routes!, services: services!, endpoints: endpoints!, limits: limits!, policies: policies! },
  };
}

/** A worker's `SlotSource`: knows what came with the changes. What never came found no room in the main thread's tables. */
export class KnownSlots implements SlotSource {
  readonly #slots = {
    routes: new Map<string, number>(),
    services: new Map<string, number>(),
    endpoints: new Map<string, number>(),
    limits: new Map<string, number>(),
    policies: new Map<string, number>(),
  };

  learn(assignments: SlotAssignments): void {
    for (const field of SLOT_FIELDS) {
      for (const [name, slot] of assignments[field]) this.#slots[field].set(name, slot);
    }
  }

  route(name: string): number {
    return known(this.#slots.routes, name);
  }

  service(name: string): number {
    return known(this.#slots.services, name);
  }

  endpoint(service: string, address: string): number {
    return known(this.#slots.endpoints, `${service}/${address}`);
  }

  limit(id: string): number {
    return known(this.#slots.limits, id);
  }

  policy(name: string): number {
    return known(this.#slots.policies, name);
  }
}

function known(slots: ReadonlyMap<string, number>, name: string): number {
  return slots.get(name) ?? OVERFLOW_SLOT;
}

/** One buffer that grows: a start packs tens of thousands of small parts. */
class Packing {
  #buffer: Buffer;
  #length = 0;

  constructor(expectedBytes: number) {
    this.#buffer = Buffer.allocUnsafe(1024 + 2 * expectedBytes);
  }

  number(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeInt32LE(value, this.#length);
  }

  text(value: string): void {
    this.#reserve(4 + 3 * value.length);
    const length = this.#buffer.write(value, this.#length + 4);
    this.number(length);
    this.#length += length;
  }

  bytes(value: Uint8Array): void {
    this.number(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  shared(): SharedArrayBuffer {
    const shared = new SharedArrayBuffer(this.#length);
    new Uint8Array(shared).set(this.#buffer.subarray(0, this.#length));
    return shared;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#length + bytes));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
