import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type ActiveChange,
  type ActiveItem,
  type BuildContext,
  buildApiKeyItem,
  CannotBuild,
  defaultListener,
  encodeResource,
  KEY_SET_KIND,
  Tables,
  type TrackItem,
} from '@sluice/engine';
import { parseManifests } from '@sluice/engine/manifest';
import { ApiKeySchema, FetchedKeySetSchema } from '@sluice/proto';
import {
  API_KEY_KIND,
  attachShared,
  createSharedRegion,
  createSlotDirectory,
  KeyReader,
  KeyRestore,
  KeyStore,
  type Shared,
  type SharedCacheCall,
  type SlotDirectory,
} from '../../shared/index.ts';
import { WorkerProxy } from '../index.ts';
import type { ProxyHooks } from '../proxy-context.ts';
import { RawOrigin } from './raw-origin.ts';
import { RawPeer } from './raw-peer.ts';

/** One worker's proxy in the test's own thread, with an origin that the test plays. */
export class ProxyRig implements AsyncDisposable {
  readonly shared: Shared;
  readonly directory: SlotDirectory;
  readonly tables: Tables;
  readonly origin: RawOrigin;
  readonly proxy: WorkerProxy;
  port = 0;
  /** The issuers whose keys were asked for. */
  readonly keysWanted: string[] = [];
  /** What was asked of the cache that nodes share; the test answers. */
  readonly sharedCacheCalls: SharedCacheCall[] = [];
  /** What a test must find empty. */
  readonly bugs: unknown[] = [];
  readonly #keys: KeyRestore;
  #generation = 0;
  readonly #clients: RawPeer[] = [];

  private constructor(origin: RawOrigin, hooks: Partial<ProxyHooks>) {
    const region = createSharedRegion({ workers: 1, limiterCells: 2048 });
    const directory = createSlotDirectory(region);
    this.origin = origin;
    this.directory = directory;
    this.shared = attachShared(region, 0);
    const context: BuildContext = {
      group: 'default',
      slots: {
        route: (name) => directory.routes.assign(name),
        service: (name) => directory.services.assign(name),
        endpoint: (service, address) => directory.endpoints.assign(`${service}/${address}`),
        limit: (id) => directory.limits.assign(id),
        policy: (name) => directory.policies.assign(name),
      },
    };
    const build = (item: TrackItem) => buildApiKeyItem(item, context);
    this.#keys = new KeyRestore(new KeyStore(region.apiKeys, { hashKey: region.hashKey, build }));
    this.tables = new Tables({
      ...context,
      apiKeys: new KeyReader(region.apiKeys, (item) => {
        const built = build(item);
        return built instanceof CannotBuild ? undefined : built;
      }),
      listeners: [defaultListener('http', '127.0.0.1:0')],
    });
    const source = { tables: this.tables, activate: () => this.#generation > 0 };
    this.proxy = new WorkerProxy(this.shared, source, {
      onBug: (error) => this.bugs.push(error),
      onRequest: undefined,
      onKeysWanted: (issuer) => this.keysWanted.push(issuer),
      onSharedCache: (call) => this.sharedCacheCalls.push(call),
      ignoresLoad: true,
      ...hooks,
      recordsSpans: true,
    });
  }

  /** `manifests` may say ORIGIN for the origin's address. */
  static async start(manifests?: string, hooks: Partial<ProxyHooks> = {}): Promise<ProxyRig> {
    const rig = new ProxyRig(await RawOrigin.start(), hooks);
    if (manifests !== undefined) rig.apply(manifests);
    rig.port = await rig.proxy.listen('http', '127.0.0.1', 0, true);
    return rig;
  }

  apply(manifests: string): void {
    const { documents, problems } = parseManifests(manifests.replaceAll('ORIGIN', this.origin.address), {
      file: 'test',
    });
    if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('\n'));
    this.commit({
      upserts: documents.map(({ resource, kind, name }) => activeItem(kind, name, encodeResource(resource))),
      removals: [],
    });
  }

  /** A key of `consumer` whose secret is `secret`. */
  addKey(secret: string, consumer: string, more: MessageInitShape<typeof ApiKeySchema> = {}): void {
    const name = `key-${secret}`;
    const hash = createHash('sha256').update(secret).digest();
    const key = create(ApiKeySchema, { name, consumer, hash, enabled: true, ...more });
    this.commit({ upserts: [activeItem('ApiKey', name, toBinary(ApiKeySchema, key))], removals: [] });
  }

  /** What was fetched for an issuer. */
  putKeySet(issuer: string, url: string, keys: object): void {
    const content = create(FetchedKeySetSchema, { issuer, url, document: JSON.stringify(keys) });
    this.commit({ upserts: [activeItem(KEY_SET_KIND, issuer, toBinary(FetchedKeySetSchema, content))], removals: [] });
  }

  commit(change: ActiveChange): void {
    for (const { kind, name } of change.removals) if (kind === API_KEY_KIND) this.#keys.remove(name);
    for (const item of change.upserts) if (item.kind === API_KEY_KIND) this.#keys.put(item);
    this.tables.commit(this.tables.stage(change));
    this.#generation++;
  }

  /** `localAddress`: the client's, such as 127.0.0.2. */
  async connect(localAddress = '127.0.0.1'): Promise<RawPeer> {
    const socket = connect({ port: this.port, host: '127.0.0.1', localAddress, noDelay: true, allowHalfOpen: true });
    await once(socket, 'connect');
    const client = new RawPeer(socket);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.destroy();
    this.proxy.close();
    await this.origin.close();
    if (this.bugs.length > 0) throw this.bugs[0];
  }
}

function activeItem(kind: string, name: string, content: Uint8Array): ActiveItem {
  return { kind, name, content, unavailable: undefined };
}
