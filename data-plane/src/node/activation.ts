import { create, toBinary } from '@bufbuild/protobuf';
import {
  type ActiveChange,
  type ActiveItem,
  type BuiltItem,
  type HeldItem,
  itemKey,
  KEY_SET_KIND,
  type Log,
} from '@sluice/engine';
import { type FetchedKeySet, FetchedKeySetSchema, NackReason, Track as WireTrack } from '@sluice/proto';
import type { Shared } from '../shared/index.ts';
import { packChange } from '../worker/packed-change.ts';
import type { CachedState } from './cache/cached-state.ts';
import { EndpointArrivals } from './endpoint-arrivals.ts';
import type { HealthChecks } from './health/health-checks.ts';
import type { KeySets } from './key-sets/key-sets.ts';
import type { Listeners } from './listeners.ts';
import type { SlotLedger } from './slot-ledger.ts';
import type { Supervisor } from './supervisor.ts';
import type { NodeTrack, PreparedUpdate, UpdateRefusal, WholeUpdate } from './track.ts';

export interface ActivationOptions {
  readonly shared: Shared;
  readonly ledger: SlotLedger;
  readonly log: Log;
  /** Told of each item that becomes active, or is no more. */
  readonly healthChecks: HealthChecks;
  readonly keySets: KeySets;
}

/** The node's view of both tracks, and the one place where they change: one update after the other, in all workers at once. */
export class Activation {
  readonly #options: ActivationOptions;
  readonly #supervisor: Supervisor;
  readonly #listeners: Listeners;
  readonly #arrivals: EndpointArrivals;
  #historyId = '';
  #config: NodeTrack;
  #facts: NodeTrack;
  #generation = 0;
  /** Updates that wait for the other track's first one: nothing is active before both are there. */
  readonly #first = new Map<
    WireTrack,
    { readonly prepared: PreparedUpdate; readonly resolve: (refusal: UpdateRefusal | undefined) => void }
  >();
  /** What is being staged; a worker that starts meanwhile starts with it. */
  #pending: { readonly change: ActiveChange; readonly packed: SharedArrayBuffer } | undefined;
  /** By issuer. */
  readonly #keySets = new Map<string, ActiveKeySet>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    options: ActivationOptions,
    tracks: { config: NodeTrack; facts: NodeTrack },
    supervisor: Supervisor,
    listeners: Listeners,
  ) {
    this.#options = options;
    this.#config = tracks.config;
    this.#facts = tracks.facts;
    this.#supervisor = supervisor;
    this.#listeners = listeners;
    this.#arrivals = new EndpointArrivals(options.shared.endpointHealth);
  }

  get historyId(): string {
    return this.#historyId;
  }

  get config(): NodeTrack {
    return this.#config;
  }

  get facts(): NodeTrack {
    return this.#facts;
  }

  /** A verified snapshot is active. */
  get active(): boolean {
    return this.#generation > 0;
  }

  /** The fetched key sets that are active. */
  keySets(): readonly FetchedKeySet[] {
    return [...this.#keySets.values()].map(({ set }) => set);
  }

  /** Makes a key set active in every worker, after the updates before it. The issuer may have gone meanwhile. */
  async applyKeySet(set: FetchedKeySet): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#config.set.activeItem(`Issuer/${set.issuer}`) === undefined) return;
      const item = keySetItem(set);
      const error = await this.#stage({ upserts: [item], removals: [] });
      if (error === undefined) this.#keySets.set(set.issuer, { set, item });
      else this.#options.log.error('workers cannot take the keys of an issuer', { issuer: set.issuer, error });
    });
  }

  held(): readonly HeldItem[] {
    return [...this.#config.set.held.values(), ...this.#facts.set.held.values(), ...this.#listeners.held()];
  }

  /** Everything that is active or about to be, for a worker that knows nothing. */
  whole(): SharedArrayBuffer {
    // The first of all changes is everything.
    if (this.#pending !== undefined && !this.active) return this.#pending.packed;
    const items = new Map(this.#all().map((item) => [itemKey(item), item]));
    for (const removal of this.#pending?.change.removals ?? []) items.delete(itemKey(removal));
    for (const item of this.#pending?.change.upserts ?? []) items.set(itemKey(item), item);
    return packChange({ upserts: [...items.values()], removals: [] }, this.#options.ledger.all());
  }

  /** Activates what was restored from disk. */
  restore(cached: CachedState): Promise<void> {
    return this.#inTurn(async () => {
      this.#historyId = cached.historyId;
      for (const set of cached.keySets) {
        if (this.#config.set.activeItem(`Issuer/${set.issuer}`) === undefined) continue;
        this.#keySets.set(set.issuer, { set, item: keySetItem(set) });
      }
      const error = await this.#stage({ upserts: this.#all(), removals: [] });
      if (error !== undefined) throw new Error(`the restored configuration cannot be built: ${error}`);
      for (const item of this.#config.set.activeItems()) this.#put(item);
      this.#listeners.reconcile();
      for (const track of [this.#config, this.#facts]) this.#logActive(track, 'cache');
    });
  }

  /**
   * Verifies an update and makes it active in every worker, after those before it. Resolves when it is, or with why it is refused;
   * the first update of one track waits for the first of the other.
   */
  async apply(update: WholeUpdate): Promise<UpdateRefusal | undefined> {
    const arrived = performance.now();
    const { promise: done, resolve } = Promise.withResolvers<UpdateRefusal | undefined>();
    await this.#inTurn(async () => {
      const prepared = this.#trackOf(update).prepare(update, update.historyId === this.#historyId);
      if ('reason' in prepared) return resolve(prepared);
      if (this.active) return resolve(await this.#activate([prepared]));
      this.#first.get(update.track)?.resolve(undefined);
      this.#first.set(update.track, { prepared, resolve });
      const first = [...this.#first.values()];
      if (first.length < 2) return undefined;
      const refusal = await this.#activate(first.map((each) => each.prepared));
      this.#first.clear();
      for (const each of first) each.resolve(refusal);
      return undefined;
    });
    const refusal = await done;
    if (refusal === undefined) {
      const { metrics } = this.#options.shared;
      metrics.observe(metrics.configApply(), (performance.now() - arrived) / 1000);
    }
    return refusal;
  }

  #all(): ActiveItem[] {
    const keySets = [...this.#keySets.values()].map(({ item }) => item);
    return [...this.#config.set.wholeChange().upserts, ...this.#facts.set.wholeChange().upserts, ...keySets];
  }

  #trackOf({ track }: WholeUpdate): NodeTrack {
    return track === WireTrack.FACTS ? this.#facts : this.#config;
  }

  async #activate(updates: readonly PreparedUpdate[]): Promise<UpdateRefusal | undefined> {
    const change: ActiveChange = {
      upserts: updates.flatMap(({ planned }) => planned.change.upserts),
      removals: updates.flatMap(({ planned }) => planned.change.removals),
    };
    const error = await this.#stage(change);
    if (error !== undefined) return { reason: NackReason.WORKERS, detail: error };
    for (const update of updates) this.#make(update);
    this.#historyId = updates[0]!.update.historyId;
    this.#listeners.reconcile();
    for (const { update } of updates) this.#logActive(this.#trackOf(update), update.snapshot ? 'snapshot' : 'delta');
    return undefined;
  }

  /** One line for each position a track is at: what the history of a database can be held against. */
  #logActive(track: NodeTrack, by: 'cache' | 'snapshot' | 'delta'): void {
    this.#options.log.info('active', {
      track: track.wire === WireTrack.FACTS ? 'facts' : 'config',
      by,
      history: this.#historyId,
      revision: track.revision,
      digest: Buffer.from(track.digest()).toString('hex'),
      held: track.set.held.size,
    });
  }

  async #stage(change: ActiveChange): Promise<string | undefined> {
    const { shared, ledger } = this.#options;
    const generation = this.#generation + 1;
    const packed = packChange(change, ledger.takeUntold());
    this.#pending = { change, packed };
    const error = await this.#supervisor.stage(generation, packed);
    this.#pending = undefined;
    if (error !== undefined) {
      this.#supervisor.abandon(generation, this.#generation);
      return error;
    }
    this.#generation = generation;
    shared.control.activate(generation);
    this.#supervisor.activated();
    return undefined;
  }

  #make(update: PreparedUpdate): void {
    const track = this.#trackOf(update.update);
    const { upserts, removals } = update.planned.change;
    for (const item of [...removals, ...upserts]) {
      const before = track.set.activeItem(itemKey(item));
      if (before !== undefined) this.#options.ledger.release(before, update.planned.built.get(itemKey(item)));
    }
    track.make(update, Date.now());
    for (const { kind, name } of removals) {
      this.#listeners.remove(kind, name);
      this.#options.healthChecks.remove(kind, name);
      this.#options.keySets.remove(kind, name);
      if (kind === 'Issuer') this.#keySets.delete(name);
      this.#arrivals.remove(kind, name);
    }
    for (const item of upserts) this.#put(track.set.activeItem(itemKey(item))!);
  }

  #put(item: BuiltItem): void {
    this.#listeners.put(item);
    this.#options.healthChecks.put(item);
    this.#options.keySets.put(item);
    this.#arrivals.put(item);
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(run);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

interface ActiveKeySet {
  readonly set: FetchedKeySet;
  readonly item: ActiveItem;
}

function keySetItem(set: FetchedKeySet): ActiveItem {
  const content = toBinary(FetchedKeySetSchema, create(FetchedKeySetSchema, set));
  return { kind: KEY_SET_KIND, name: set.issuer, content, unavailable: undefined };
}
