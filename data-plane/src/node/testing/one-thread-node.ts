import { create } from '@bufbuild/protobuf';
import {
  ActiveSet,
  type BuildContext,
  buildApiKeyItem,
  createLog,
  encodeResource,
  hashItem,
  SetDigest,
  type TrackItem,
} from '@sluice/engine';
import { parseManifests } from '@sluice/engine/manifest';
import { FetchedKeySetSchema, Track as WireTrack } from '@sluice/proto';
import { WorkerProxy } from '../../proxy/index.ts';
import { attachShared, createSharedRegion, createSlotDirectory, KeyStore } from '../../shared/index.ts';
import { ActiveTables } from '../../worker/active-tables.ts';
import { Activation } from '../activation.ts';
import { BreakerWatch } from '../breaker-watch.ts';
import { DnsDiscovery } from '../discovery/dns-discovery.ts';
import { HealthChecks } from '../health/health-checks.ts';
import { KeySets } from '../key-sets/key-sets.ts';
import { Listeners } from '../listeners.ts';
import { SlotLedger } from '../slot-ledger.ts';
import { NodeTrack, type WholeUpdate } from '../track.ts';
import { Supervisor, type SupervisorOptions } from '../workers/supervisor.ts';

/** Workers that are in the thread of the test: what a change leaves in them is on the test's own heap. */
class OneThread extends Supervisor {
  tables: ActiveTables | undefined;

  constructor(options: SupervisorOptions) {
    super(options);
  }

  override async stage(generation: number, packed: SharedArrayBuffer): Promise<string | undefined> {
    await this.tables?.stage(generation, packed);
    return undefined;
  }

  override activated(): void {
    this.tables?.activate();
  }

  override bind(): void {}

  override unbind(): void {}
}

/** The parts of a node that a revision changes, as the node puts them together, with its one worker in the same thread. */
export class OneThreadNode implements AsyncDisposable {
  readonly region = createSharedRegion({ workers: 1, limiterCells: 2048 });
  readonly shared = attachShared(this.region);
  readonly directory = createSlotDirectory(this.region);
  readonly healthChecks: HealthChecks;
  readonly #breakerWatch: BreakerWatch;
  readonly activation: Activation;
  /** What a test must find empty. */
  readonly bugs: unknown[] = [];
  readonly #keySets: KeySets;
  readonly #discovery: DnsDiscovery;
  readonly #supervisor: OneThread;
  readonly #proxies: WorkerProxy[] = [];
  readonly #hashes = new Map<string, Uint8Array>();
  #digest = new SetDigest();
  /** By their text. */
  readonly #encoded = new Map<string, TrackItem>();

  constructor(dnsServers: readonly string[]) {
    const { shared, directory } = this;
    const log = createLog(
      'error',
      () => {},
      () => new Date(),
    );
    const ledger = new SlotLedger(directory);
    const context: BuildContext = { group: 'default', zone: '', slots: ledger };
    const keys = new KeyStore(this.region.apiKeys, {
      hashKey: this.region.hashKey,
      build: (item) => buildApiKeyItem(item, context),
    });
    this.healthChecks = new HealthChecks(shared.endpointHealth, log);
    this.#breakerWatch = new BreakerWatch(shared, log, () => {});
    this.#keySets = new KeySets({
      log,
      known: (issuer, url) =>
        this.activation.keySets().find((set) => set.issuer === issuer && set.url === url)?.document,
      activate: (issuer, url, document) =>
        this.activation.applyKeySet(create(FetchedKeySetSchema, { issuer, url, document })),
      settled: () => {},
    });
    this.#discovery = new DnsDiscovery({
      log,
      servers: dnsServers,
      known: (service) => this.activation.services.known(service),
      activate: (service, found) => this.activation.applyFound(service, found),
    });
    this.#supervisor = new OneThread({
      shared,
      directory,
      group: 'default',
      zone: '',
      recordsSpans: false,
      listeners: [],
      reusePort: true,
      drainTimeoutMs: 1000,
      log,
      whole: () => this.activation.whole(),
      onListening: () => {},
      onKeysWanted: (issuer) => this.#keySets.wanted(issuer),
      onSharedCache: () => {},
      onEnded: () => {},
      onBindFailed: () => {},
    });
    this.activation = new Activation(
      {
        ...{ shared, ledger, log, keySets: this.#keySets, discovery: this.#discovery },
        ...{ healthChecks: this.healthChecks, breakerWatch: this.#breakerWatch },
      },
      {
        config: new NodeTrack(WireTrack.CONFIG, new ActiveSet(context)),
        facts: new NodeTrack(WireTrack.FACTS, new ActiveSet(context), keys),
      },
      this.#supervisor,
      new Listeners([], this.#supervisor, 1000),
    );
  }

  /** Lets the worker listen, and activates a configuration of nothing. Resolves with its port. */
  async start(): Promise<number> {
    this.#supervisor.tables = this.#tables();
    const facts = { ...this.#update(0, [], []), track: WireTrack.FACTS, digest: this.activation.facts.digest() };
    await Promise.all([this.#apply(facts), this.#apply(this.#update(0, [], []))]);
    return await this.#listen(this.#supervisor.tables);
  }

  /** The port of a worker that knows nothing of what was before. */
  async startFreshWorker(): Promise<number> {
    const tables = this.#tables();
    await tables.stage(this.shared.control.activeGeneration(), this.activation.whole());
    return await this.#listen(tables);
  }

  /** One revision. */
  async change(manifests: readonly object[], removals: readonly { kind: string; name: string }[]): Promise<void> {
    const upserts = manifests.map((manifest) => this.#encoded.getOrInsertComputed(JSON.stringify(manifest), itemOf));
    await this.#apply(this.#update(this.activation.config.revision, upserts, removals));
  }

  /** How many services DNS is asked for. */
  get resolvers(): number {
    return [...this.#discovery.views()].length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.healthChecks.close();
    this.#breakerWatch.close();
    this.#keySets.close();
    this.#discovery.close();
    for (const proxy of this.#proxies) proxy.close();
    await this.#supervisor.close();
  }

  async #apply(update: WholeUpdate): Promise<void> {
    const refusal = await this.activation.apply(update);
    if (refusal !== undefined) throw new Error(refusal.detail);
  }

  #update(
    fromRevision: number,
    upserts: readonly TrackItem[],
    removals: readonly { kind: string; name: string }[],
  ): WholeUpdate {
    const replace = (key: string, hash: Uint8Array | undefined): void => {
      const before = this.#hashes.get(key);
      if (before !== undefined) this.#digest.remove(before);
      if (hash === undefined) this.#hashes.delete(key);
      else {
        this.#digest.add(hash);
        this.#hashes.set(key, hash);
      }
    };
    for (const { kind, name } of removals) replace(`${kind}/${name}`, undefined);
    for (const { kind, name, content } of upserts) replace(`${kind}/${name}`, hashItem(kind, name, content));
    const snapshot = fromRevision === 0;
    return {
      ...{ track: WireTrack.CONFIG, historyId: 'h', fromRevision, revision: fromRevision + 1, snapshot, forced: false },
      ...{ upserts: upserts as WholeUpdate['upserts'], removals: removals as WholeUpdate['removals'] },
      ...{ digest: this.#digest.bytes(), createdAtMs: 0 },
    };
  }

  #tables(): ActiveTables {
    return new ActiveTables(attachShared(this.region, 0), { group: 'default', zone: '' }, [
      { name: 'http', host: '127.0.0.1', port: 8080 },
    ]);
  }

  #listen(tables: ActiveTables): Promise<number> {
    const proxy = new WorkerProxy(attachShared(this.region, 0), tables, {
      onBug: (error) => this.bugs.push(error),
      onRequest: undefined,
      onKeysWanted: (issuer) => this.#keySets.wanted(issuer),
      ignoresLoad: true,
      recordsSpans: false,
    });
    this.#proxies.push(proxy);
    return proxy.listen('http', '127.0.0.1', 0, true);
  }
}

function itemOf(manifest: string): TrackItem {
  const { documents, problems } = parseManifests(manifest, { file: 'test' });
  const [document] = documents;
  if (document === undefined || problems.length > 0) throw new Error(problems.map(({ message }) => message).join('\n'));
  const { kind, name, resource } = document;
  return { kind, name, content: encodeResource(resource) };
}
