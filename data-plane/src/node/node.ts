import { setTimeout as delay } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { type BuildContext, buildApiKeyItem, createLog, type Log } from '@sluice/engine';
import { FetchedKeySetSchema } from '@sluice/proto';
import packageJson from '../../package.json' with { type: 'json' };
import { attachShared, createSharedRegion, createSlotDirectory, KeyRestore, KeyStore } from '../shared/index.ts';
import { AccessLog } from './access-log/access-log.ts';
import { openAccessLog } from './access-log/open-access-log.ts';
import { Activation } from './activation.ts';
import { foundEndpoints } from './active-services.ts';
import { startAdminServer } from './admin/admin-server.ts';
import { createEndpoints } from './admin/endpoints.ts';
import { BreakerWatch } from './breaker-watch.ts';
import { NodeCache } from './cache/node-cache.ts';
import { DnsDiscovery } from './discovery/dns-discovery.ts';
import { cacheFault, readFaults, threadFault } from './faults.ts';
import { NodeFreshness } from './freshness/node-freshness.ts';
import { HealthChecks } from './health/health-checks.ts';
import { KeySets } from './key-sets/key-sets.ts';
import { LeaseKeeper } from './leases/lease-keeper.ts';
import { NO_STORE } from './leases/no-store.ts';
import { claimAddresses, DEFAULT_LISTENER, Listeners } from './listeners.ts';
import { DirectoryInUse, type DirectoryLock, hasSuccessor, lockDirectory, succeedDirectory } from './lock-directory.ts';
import { Persistence } from './persistence.ts';
import { startRedis } from './redis/start-redis.ts';
import { restoreTracks } from './restore-tracks.ts';
import { hasReusePort } from './reuse-port.ts';
import type { Settings } from './settings.ts';
import { SlotLedger } from './slot-ledger.ts';
import { openOtlp } from './spans/otlp-target.ts';
import { SpanExport } from './spans/span-export.ts';
import { StartError } from './start-error.ts';
import { takeOverCache } from './take-over-cache.ts';
import { WallClockWatch } from './wall-clock-watch.ts';
import { WatchClient } from './watch-client.ts';
import { createWatchNode } from './watch-node.ts';
import { Supervisor } from './workers/supervisor.ts';

/** A running node. */
export interface RunningNode {
  /** Where it listens, as `NAME=HOST:PORT`, when it started. */
  readonly listening: readonly string[];
  /** Where its own endpoints are. */
  readonly admin: { readonly host: string; readonly port: number; readonly waits: boolean };
  /** Replaces all workers, one after the other, without failing a request. Resolves when the last replaced one has left. */
  replaceWorkers(): Promise<void>;
  /** Not ready; after the delay no new connections, what runs may finish; then everything ends. */
  stop(): Promise<void>;
  /** Everything ends at once. */
  kill(): Promise<void>;
}

/**
 * Starts a node in this process: from its cache where it has one, from the control plane where it is there.
 * @throws StartError with one line that says why it cannot start
 */
export async function startNode(
  settings: Settings,
  write: (line: string) => void = (line) => process.stdout.write(line),
): Promise<RunningNode> {
  const log = createLog(settings.logLevel, write, () => new Date());
  const lock = takeDirectory(settings);
  if (lock.heldBy !== undefined) log.info('taking over beside a running process', { process: lock.heldBy });
  const started = new AsyncDisposableStack();
  started.defer(() => lock.release());
  try {
    return await assemble(settings, log, lock, started);
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

/**
 * Puts the parts of a node together: one function, because the parts name each other and the order in which they begin counts. What is
 * begun goes into `started`, to be ended where the rest fails.
 */
async function assemble(
  settings: Settings,
  log: Log,
  lock: DirectoryLock,
  started: AsyncDisposableStack,
): Promise<RunningNode> {
  const reusePort = await hasReusePort();
  const workers = reusePort ? settings.workers : 1;
  if (!reusePort) {
    if (settings.takeover) throw new StartError('this platform has no reusePort, which --takeover needs');
    if (settings.workers > 1) log.warn('this platform has no reusePort: one worker', { wanted: settings.workers });
  }
  const own = await claimAddresses(settings.binds, settings.takeover);
  const region = createSharedRegion({
    workers,
    limiterCells: settings.limiterCells,
    cachedBytes: settings.responseCacheBytes,
  });
  const shared = attachShared(region);
  const accessLog = new AccessLog(shared, await openAccessLog(settings.accessLog), log);
  started.defer(() => accessLog.close());
  const spans =
    settings.otlp === undefined
      ? undefined
      : new SpanExport(shared, await openOtlp(settings.otlp, settings, packageJson.version), log);
  started.defer(() => spans?.close());
  const namespace = (): string => `${activation.historyId}\n${settings.group}`;
  const redis =
    settings.redis === undefined
      ? undefined
      : await startRedis(settings.redis, settings.nodeId, namespace, shared, log);
  started.defer(() => redis?.close());
  const sharedCache = redis?.sharedCache;
  const leases = new LeaseKeeper(shared, redis?.leases ?? NO_STORE, log);
  started.defer(() => leases.close());
  const directory = createSlotDirectory(region);
  const ledger = new SlotLedger(directory);
  const context: BuildContext = { group: settings.group, zone: settings.zone, slots: ledger };
  const faults = readFaults(process.env.SLUICE_FAULTS);
  const onPhase = cacheFault(faults);
  const onThread = threadFault(faults);
  const cache: NodeCache = new NodeCache({
    directory: settings.cacheDir,
    group: settings.group,
    log,
    snapshot: () => persistence.snapshot(),
    readOnly: lock.heldBy !== undefined,
    ...(onPhase && { onPhase }),
  });
  let ready = false;
  const supervisor: Supervisor = new Supervisor({
    shared,
    directory,
    group: settings.group,
    zone: settings.zone,
    recordsSpans: spans !== undefined,
    listeners: own.length === 0 ? [DEFAULT_LISTENER] : own,
    reusePort,
    drainTimeoutMs: settings.drainTimeoutMs,
    log,
    whole: () => activation.whole(),
    onListening: () => {
      if (ready || !activation.active || supervisor.serving < supervisor.workers) return;
      ready = true;
      log.info('ready', { revision: activation.config.revision });
    },
    onKeysWanted: (issuer) => keySets.wanted(issuer),
    onSharedCache: (call, answer) => sharedCache?.onCall(call, answer),
    onEnded: () => sharedCache?.onWorkerEnded(),
    ...(onThread && { onThread }),
    onBindFailed: (name, reason) => {
      log.error('listener cannot be bound', { listener: name, reason });
      listeners.failed(name, reason);
    },
  });
  // Before the cache is read: workers load their program meanwhile.
  supervisor.start();
  started.defer(() => supervisor.close());
  const readClocks = (): readonly [number, number] => [Date.now(), shared.clock.nowMs()];
  const wallClock = new WallClockWatch(...readClocks(), log, readClocks);
  started.defer(() => wallClock.close());
  const keysOf = (memory: SharedArrayBuffer): KeyStore =>
    new KeyStore(memory, {
      hashKey: region.hashKey,
      build: (item) => buildApiKeyItem(item, context),
      // Only of the keys that are active are there slots to release.
      ...(memory === region.apiKeys && { released: (before, after) => ledger.release(before, after) }),
    });
  const keys = keysOf(region.apiKeys);
  const cached = await cache.load(new KeyRestore(keys));
  const healthChecks = new HealthChecks(shared.endpointHealth, log);
  started.defer(() => healthChecks.close());
  const breakerWatch = new BreakerWatch(shared, log, () => watch.sendStatus());
  started.defer(() => breakerWatch.close());
  const keySets = new KeySets({
    log,
    known: (issuer, url) => activation.keySets().find((set) => set.issuer === issuer && set.url === url)?.document,
    activate: async (issuer, url, document) => {
      const set = create(FetchedKeySetSchema, { issuer, url, document });
      await activation.applyKeySet(set);
      persistence.saveKeySet(set);
    },
    settled: (issuer, againInMs) => supervisor.tell({ type: 'keysSettled', issuer, againInMs }),
  });
  started.defer(() => keySets.close());
  const discovery = new DnsDiscovery({
    log,
    servers: settings.dnsServers,
    known: (service) => activation.services.known(service),
    activate: async (service, found) => {
      const isActive = await activation.applyFound(service, found);
      if (isActive) persistence.saveFound(foundEndpoints(service, found));
      return isActive;
    },
  });
  started.defer(() => discovery.close());
  const listeners = new Listeners(own, supervisor, settings.drainTimeoutMs);
  const activation: Activation = new Activation(
    { shared, ledger, log, healthChecks, breakerWatch, keySets, discovery },
    restoreTracks(context, cached, keys),
    supervisor,
    listeners,
  );
  const persistence = new Persistence(cache, activation);
  const fresh = new NodeFreshness({
    cacheDir: settings.cacheDir,
    maxStalenessMs: settings.maxStalenessMs,
    shared,
    log,
    active: () => ({
      historyId: activation.historyId,
      revision: activation.config.revision,
      factsVersion: activation.facts.revision,
    }),
  });
  started.defer(() => fresh.close());
  const { freshness, staleness } = fresh;
  const watch: WatchClient = new WatchClient({
    controlPlanes: settings.controlPlanes,
    token: settings.token,
    log,
    node: createWatchNode({
      settings,
      version: packageJson.version,
      shared,
      directory,
      activation,
      keys,
      persistence,
      supervisor,
      freshness,
      healthChecks,
      breakerWatch,
      discovery,
      sharedCache,
    }),
    onDisconnect: () => freshness.disconnected(),
  });
  const endpoints = createEndpoints({
    settings,
    version: packageJson.version,
    shared,
    directory,
    activation,
    supervisor,
    listeners,
    cache,
    watch,
    freshness,
    staleness,
    leases,
    sharedCache,
    accessLog,
    discovery,
    healthChecks,
    wallClock,
    spans,
    persistedRevision: () => persistence.revision,
  });
  const admin = await startAdminServer(settings.admin, endpoints, settings.takeover, log);
  started.defer(() => admin.close());
  if (cached === undefined) {
    listeners.reconcile();
  } else {
    persistence.restored(cached.config.revision);
    fresh.restored(cached);
    await activation.restore(cached);
    // So that it is told and retried, and not first noticed when a change comes.
    if (lock.unwritable !== undefined) cache.rewrite(() => persistence.restored(activation.config.revision));
    log.info('serving from the cache', { revision: cached.config.revision, resources: cached.config.latest.length });
  }
  if (lock.heldBy === undefined) fresh.write();
  void lock.taken
    ?.then(() => takeOverCache(cache, activation, persistence, keysOf))
    .then(() => fresh.write())
    .then(() => log.info('the process before has gone', { revision: activation.config.revision }))
    .catch((error: unknown) => log.error('cannot take the cache over', { reason: String(error) }));
  const watching = watch.run();
  const end = async (): Promise<void> => {
    watch.close();
    await watching;
    await supervisor.close();
    await fresh.close();
    wallClock.close();
    healthChecks.close();
    breakerWatch.close();
    keySets.close();
    discovery.close();
    leases.close();
    redis?.close();
    await Promise.all([accessLog.close(), spans?.close()]);
    await cache.close();
    await admin.close();
    lock.release();
  };
  return {
    listening: [...listeners.bound()].map(
      ({ name, host, port }) => `${name}=${host.includes(':') ? `[${host}]` : host}:${port}`,
    ),
    admin,
    replaceWorkers: () => supervisor.replaceAll(),
    stop: async () => {
      const { drainDelayMs, drainTimeoutMs } = settings;
      log.info('draining', { delayMs: drainDelayMs, timeoutMs: drainTimeoutMs });
      shared.control.drain();
      watch.sendStatus();
      // Who asks there is answered by the process that takes over, at once.
      if (hasSuccessor(settings.cacheDir)) await admin.close();
      await delay(drainDelayMs);
      // Until the last request is answered the stream goes on: a key that is revoked meanwhile opens nothing here.
      await supervisor.drain(drainTimeoutMs);
      await end();
    },
    kill: end,
  };
}

function takeDirectory({ cacheDir: directory, takeover }: Settings): DirectoryLock {
  try {
    return takeover ? succeedDirectory(directory) : lockDirectory(directory);
  } catch (error) {
    if (error instanceof DirectoryInUse) throw new StartError(`${error.message} (--cache-dir)`);
    throw new StartError(
      `cannot use the cache directory ${directory}: ${error instanceof Error ? error.message : String(error)} (--cache-dir)`,
    );
  }
}
