import { type ActiveChange, type ActiveItem, itemKey } from '@sluice/engine';
import type { KeyStaging, KeyStore, Shared } from '../shared/index.ts';
import { packChange } from '../worker/packed-change.ts';
import type { SlotLedger } from './slot-ledger.ts';
import type { Supervisor } from './workers/supervisor.ts';

/**
 * What the workers run, change by change: each is staged in all of them, then active in all by one store. One at a time: the caller
 * waits for a change before it begins the next.
 */
export class Generations {
  readonly #shared: Shared;
  readonly #ledger: SlotLedger;
  readonly #supervisor: Supervisor;
  readonly #keys: KeyStore | undefined;
  #active = 0;
  /** What is being staged; a worker that starts meanwhile starts with it. */
  #pending: { readonly change: ActiveChange; readonly packed: SharedArrayBuffer } | undefined;

  /** `keys`: those that are active. */
  constructor(shared: Shared, ledger: SlotLedger, supervisor: Supervisor, keys: KeyStore | undefined) {
    this.#shared = shared;
    this.#ledger = ledger;
    this.#supervisor = supervisor;
    this.#keys = keys;
  }

  /** There is one. */
  get active(): boolean {
    return this.#active > 0;
  }

  /** Makes a change active, and with it the keys. Else why the workers cannot take it: nothing has changed then. */
  async make(change: ActiveChange, keys: readonly KeyStaging[] = []): Promise<string | undefined> {
    const retired = this.#keys?.heap.retired ?? 0;
    const generation = this.#active + 1;
    const packed = packChange(change, this.#ledger.takeUntold());
    this.#pending = { change, packed };
    const error = await this.#supervisor.stage(generation, packed);
    if (error !== undefined) {
      this.#pending = undefined;
      this.#supervisor.abandon(generation, this.#active);
      return error;
    }
    // Each worker has answered since: none is in the middle of what was there before.
    this.#keys?.heap.reclaim(retired);
    for (const staging of keys) await staging.apply();
    this.#pending = undefined;
    this.#active = generation;
    this.#shared.control.activate(generation);
    this.#supervisor.activated();
    return undefined;
  }

  /** Everything that is active or about to be, for a worker that knows nothing. `items`: what is active. */
  whole(items: () => readonly ActiveItem[]): SharedArrayBuffer {
    // The first of all changes is everything.
    if (this.#pending !== undefined && !this.active) return this.#pending.packed;
    const whole = new Map(items().map((item) => [itemKey(item), item]));
    for (const removal of this.#pending?.change.removals ?? []) whole.delete(itemKey(removal));
    for (const item of this.#pending?.change.upserts ?? []) whole.set(itemKey(item), item);
    return packChange({ upserts: [...whole.values()], removals: [] }, this.#ledger.all());
  }
}
