import {
  type ActiveChange,
  type ActiveItem,
  type BuiltItem,
  type HeldItem,
  INSTANCE_KIND,
  itemKey,
  type Log,
  type PlannedChange,
} from '@sluice/engine';
import { type FetchedKeySet, NackReason, Track as WireTrack } from '@sluice/proto';
import type { Shared } from '../shared/index.ts';
import { ActiveKeySets, keySetItem } from './active-key-sets.ts';
import { ActiveServices, foundEndpoints, type PreparedFound } from './active-services.ts';
import type { BreakerWatch } from './breaker-watch.ts';
import type { CachedState } from './cache/cached-state.ts';
import type { DnsDiscovery } from './discovery/dns-discovery.ts';
import type { FoundAddress } from './discovery/dns-records.ts';
import { EndpointArrivals } from './endpoint-arrivals.ts';
import { Generations } from './generations.ts';
import type { HealthChecks } from './health/health-checks.ts';
import type { KeySets } from './key-sets/key-sets.ts';
import type { Listeners } from './listeners.ts';
import type { SlotLedger } from './slot-ledger.ts';
import type { NodeTrack, PreparedUpdate, UpdateRefusal, WholeUpdate } from './track.ts';
import type { Supervisor } from './workers/supervisor.ts';

export interface ActivationOptions {
  readonly shared: Shared;
  readonly ledger: SlotLedger;
  readonly log: Log;
  /** Told of each item that becomes active, or is no more. */
  readonly healthChecks: HealthChecks;
  readonly breakerWatch: BreakerWatch;
  readonly keySets: KeySets;
  readonly discovery: DnsDiscovery;
}

/** The node's view of both tracks, and the one place where they change: one update after the other, in all workers at once. */
export class Activation {
  readonly config: NodeTrack;
  readonly facts: NodeTrack;
  readonly #options: ActivationOptions;
  readonly #generations: Generations;
  readonly #listeners: Listeners;
  readonly #arrivals: EndpointArrivals;
  readonly #services: ActiveServices;
  #historyId = '';
  /** Updates that wait for the other track's first one: nothing is active before both are there. */
  readonly #first = new Map<
    WireTrack,
    { readonly prepared: PreparedUpdate; readonly resolve: (refusal: UpdateRefusal | undefined) => void }
  >();
  readonly #keySets = new ActiveKeySets();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    options: ActivationOptions,
    tracks: { config: NodeTrack; facts: NodeTrack },
    supervisor: Supervisor,
    listeners: Listeners,
  ) {
    this.#options = options;
    this.config = tracks.config;
    this.facts = tracks.facts;
    this.#generations = new Generations(options.shared, options.ledger, supervisor, tracks.facts.keys);
    this.#listeners = listeners;
    this.#arrivals = new EndpointArrivals(options.shared.endpointHealth);
    this.#services = new ActiveServices(options.ledger);
  }

  get historyId(): string {
    return this.#historyId;
  }

  /** A verified snapshot is active. */
  get active(): boolean {
    return this.#generations.active;
  }

  /** The fetched key sets that are active. */
  keySets(): readonly FetchedKeySet[] {
    return this.#keySets.sets();
  }

  /** Makes a key set active in every worker, after the updates before it. The issuer may have gone meanwhile. */
  async applyKeySet(set: FetchedKeySet): Promise<void> {
    await this.#inTurn(async () => {
      if (this.config.set.activeItem(`Issuer/${set.issuer}`) === undefined) return;
      const item = keySetItem(set);
      const error = await this.#generations.make({ upserts: [item], removals: [] });
      if (error === undefined) this.#keySets.put(set, item);
      else this.#options.log.error('workers cannot take the keys of an issuer', { issuer: set.issuer, error });
    });
  }

  /** The services that are active, with the endpoints that they have now. */
  get services(): ActiveServices {
    return this.#services;
  }

  /** Makes the endpoints of a service active in every worker, after the updates before it. False: they are not. */
  async applyFound(service: string, found: readonly FoundAddress[]): Promise<boolean> {
    return await this.#inTurn(async () => {
      // It may have gone meanwhile.
      if (!this.#services.isFoundByDns(service)) return false;
      const prepared = this.#services.prepare(foundEndpoints(service, found));
      const error = await this.#generations.make({ upserts: [prepared.item], removals: [] });
      if (error !== undefined) {
        this.#services.abandon(prepared);
        this.#options.log.error('workers cannot take the endpoints of a service', { service, error });
        return false;
      }
      this.#services.putFound(prepared);
      this.#announce(service);
      return true;
    });
  }

  held(): readonly HeldItem[] {
    return [...this.config.held(), ...this.facts.held(), ...this.#listeners.held()];
  }

  /** Everything that is active or about to be, for a worker that knows nothing. */
  whole(): SharedArrayBuffer {
    return this.#generations.whole(() => this.#all());
  }

  /** Activates what was restored from disk. */
  restore(cached: CachedState): Promise<void> {
    return this.#inTurn(async () => {
      this.#historyId = cached.historyId;
      for (const set of cached.keySets) {
        if (this.config.set.activeItem(`Issuer/${set.issuer}`) !== undefined) this.#keySets.put(set);
      }
      for (const item of this.config.set.activeItems()) if (item.kind === 'Service') this.#services.put(item);
      for (const item of this.facts.set.activeItems()) if (item.kind === 'Instance') this.#services.putInstance(item);
      for (const set of cached.found) {
        if (this.#services.isFoundByDns(set.service)) this.#services.putFound(this.#services.prepare(set));
      }
      const error = await this.#generations.make({ upserts: this.#all(), removals: [] });
      if (error !== undefined) throw new Error(`the restored configuration cannot be built: ${error}`);
      for (const item of this.config.set.activeItems()) this.#put(item);
      this.#listeners.reconcile();
      for (const track of [this.config, this.facts]) this.#logActive(track, 'cache');
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
      const prepared = await this.#trackOf(update).prepare(update, update.historyId === this.#historyId);
      if ('reason' in prepared) return resolve(prepared);
      if (this.active) return resolve(await this.#activate([prepared]));
      const replaced = this.#first.get(update.track);
      replaced?.prepared.keys?.discard();
      replaced?.resolve(undefined);
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
    // What was found comes after the services that it is for.
    return [
      ...this.config.set.wholeChange().upserts,
      ...this.facts.set.wholeChange().upserts,
      ...this.#keySets.items(),
      ...this.#services.foundItems(),
    ];
  }

  #trackOf({ track }: WholeUpdate): NodeTrack {
    return track === WireTrack.FACTS ? this.facts : this.config;
  }

  async #activate(updates: readonly PreparedUpdate[]): Promise<UpdateRefusal | undefined> {
    const change: ActiveChange = {
      upserts: updates.flatMap(({ planned }) => planned.change.upserts),
      removals: updates.flatMap(({ planned }) => planned.change.removals),
    };
    const kept = updates.flatMap(({ planned }) => [...this.#keptEndpoints(planned)]);
    const keys = updates.flatMap((update) => update.keys ?? []);
    const staged = { ...change, upserts: [...change.upserts, ...kept.map(({ item }) => item)] };
    const error = await this.#generations.make(staged, keys);
    if (error !== undefined) {
      for (const each of kept) this.#services.abandon(each);
      for (const staging of keys) staging.discard();
      return { reason: NackReason.WORKERS, detail: error };
    }
    for (const update of updates) this.#make(update, new Map(kept.map((each) => [each.built.name, each])));
    this.#historyId = updates[0]!.update.historyId;
    this.#listeners.reconcile();
    for (const { update } of updates) this.#logActive(this.#trackOf(update), update.snapshot ? 'snapshot' : 'delta');
    return undefined;
  }

  /** A service whose endpoints DNS is to find has those that it listed until there is an answer: the change fails no request. */
  *#keptEndpoints({ change, built }: PlannedChange): Generator<PreparedFound> {
    for (const upsert of change.upserts) {
      const item = built.get(itemKey(upsert));
      if (item?.kind !== 'Service' || item.discovery?.kind !== 'dns') continue;
      const before = this.#services.get(item.name);
      if (before === undefined || before.discovery?.kind === 'dns' || before.plan.endpoints.length === 0) continue;
      yield this.#services.prepare(foundEndpoints(item.name, before.plan.endpoints));
    }
  }

  /** One line for each position a track is at: what the history of a database can be held against. */
  #logActive(track: NodeTrack, by: 'cache' | 'snapshot' | 'delta'): void {
    this.#options.log.info('active', {
      track: track.wire === WireTrack.FACTS ? 'facts' : 'config',
      by,
      history: this.#historyId,
      revision: track.revision,
      digest: Buffer.from(track.digest()).toString('hex'),
      held: track.held().length,
    });
  }

  #make(update: PreparedUpdate, kept: ReadonlyMap<string, PreparedFound>): void {
    const track = this.#trackOf(update.update);
    const { upserts, removals } = update.planned.change;
    for (const item of [...removals, ...upserts]) {
      const before = track.set.activeItem(itemKey(item));
      if (before !== undefined) this.#options.ledger.release(before, update.planned.built.get(itemKey(item)));
    }
    track.make(update, Date.now());
    const changed = new Set<string>();
    for (const { kind, name } of removals) {
      if (kind === INSTANCE_KIND) changed.add(this.#services.removeInstance(name) ?? '');
      this.#listeners.remove(kind, name);
      this.#options.keySets.remove(kind, name);
      if (kind === 'Issuer') this.#keySets.remove(name);
      if (kind === 'Service') this.#removeService(name);
    }
    for (const upsert of upserts) {
      const item = track.set.activeItem(itemKey(upsert))!;
      if (item.kind === 'Instance') {
        this.#services.putInstance(item);
        changed.add(item.service);
      } else this.#put(item, kept.get(item.name));
    }
    // Once for each service, however many instances of it come and go.
    for (const service of changed) this.#announce(service);
  }

  #put(item: BuiltItem, kept?: PreparedFound): void {
    this.#listeners.put(item);
    this.#options.keySets.put(item);
    if (item.kind !== 'Service') return;
    this.#services.put(item);
    if (kept !== undefined) this.#services.putFound(kept);
    this.#announce(item.name);
    this.#options.discovery.put(item);
  }

  #removeService(name: string): void {
    const removed = this.#services.get(name)?.plan;
    // Another of this name is not refused for what this one did.
    if (removed?.breaker !== undefined) this.#options.shared.breakers.reset(removed.slot);
    this.#services.remove(name);
    this.#options.discovery.remove(name);
    this.#options.healthChecks.remove(name);
    this.#options.breakerWatch.remove(name);
    this.#arrivals.remove(name);
  }

  /** A service, or what endpoints it has, is new. */
  #announce(name: string): void {
    const service = this.#services.get(name);
    if (service === undefined) return;
    this.#services.keepSlots(name);
    this.#options.healthChecks.put(service.plan);
    this.#options.breakerWatch.put(service.plan);
    this.#arrivals.put(service.plan);
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(run);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
