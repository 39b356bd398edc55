import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createLog, type Log } from '@sluice/engine';
import { type BootstrapToken, loadBootstrapToken } from './bootstrap-token.ts';
import type { NodesWithoutStore } from './config/find-missing-stores.ts';
import { openSecretSeal } from './config/index.ts';
import { createOpenSecrets } from './config/open-secrets.ts';
import { writeContext } from './context-file.ts';
import { readFaults, withFaults } from './faults.ts';
import { factsReached } from './fleet/facts-reached.ts';
import { Fleet } from './fleet/fleet.ts';
import { Housekeeping } from './housekeeping.ts';
import { Heartbeats, InstanceExpiry } from './registry/index.ts';
import { loadReplicaId } from './replica-id.ts';
import { createBearerGate } from './rpc/bearer-gate.ts';
import { addConfigService } from './rpc/config-service.ts';
import { addFleetService } from './rpc/fleet-service.ts';
import { createRequestHandler, type PublicDocument } from './rpc/handle-request.ts';
import type { Readiness } from './rpc/health.ts';
import { addKeyService } from './rpc/key-service.ts';
import { openPort, type Port, type PortLimits } from './rpc/one-port.ts';
import { addRegistryService } from './rpc/registry-service.ts';
import { createRouter } from './rpc/router.ts';
import { addSyncService } from './rpc/sync-service.ts';
import { addTokenService } from './rpc/token-service.ts';
import { formatAddress, isLoopback, type ListenAddress, type Settings } from './settings.ts';
import { StartError } from './start-error.ts';
import { ControlState, type StateEvent } from './state/control-state.ts';
import { StoreStartError } from './store/failure.ts';
import { openStore } from './store/open-store.ts';
import { forgetEnded, keySetDocument, SigningKeys } from './tokens/index.ts';

/** A control plane that serves. */
export interface ControlPlane {
  /** Such as `http://127.0.0.1:7070`, with the real port. */
  readonly url: string;
  readonly historyId: string;
  /** The bootstrap token, where this machine knows it. Unset with `auth: none` too. */
  readonly token: string | undefined;
  /** Sends everybody away, finishes what runs, and lets go of the database: within about 8 s. */
  close(): Promise<void>;
}

/** Of the connections, besides one for each node. */
const SPARE_CONNECTIONS = 1024;

/** Where anybody can fetch the public keys of the built-in issuer. */
const keySetPath = '/.well-known/jwks.json';
/** Half the time that a new key is there before it signs: who keeps the set that long always has the key of a token. */
const KEY_SET_MAX_AGE_SECONDS = 30;

/** Calls under way at the end have this long. */
const GRACE_MS = 3000;

/** Writing how the nodes stood may take this long at the end. */
const FAREWELL_MS = 2000;

/**
 * Starts a control plane and resolves when it serves.
 * @throws StartError where it cannot: one line that says why
 */
export async function startControlPlane(settings: Settings, log: Log = logToStdout(settings)): Promise<ControlPlane> {
  const started = new AsyncDisposableStack();
  try {
    return await start(settings, log, started);
  } catch (error) {
    await started.disposeAsync();
    throw error instanceof StoreStartError ? new StartError(`${error.message}; ${error.remedy}`) : error;
  }
}

async function start(settings: Settings, log: Log, started: AsyncDisposableStack): Promise<ControlPlane> {
  const { dataDir } = settings;
  // First, so that nothing is written where the address is taken. Connections wait until there is something to serve.
  const port = await listen(settings);
  started.defer(() => port.close(GRACE_MS));
  const faults = readFaults(process.env.SLUICE_FAULTS);
  const opened = await openStore({ database: settings.database, dataDir });
  started.defer(() => opened.close());
  const store = faults === undefined ? opened : withFaults(opened, faults);
  if (settings.newHistory) log.warn('a new history begins', { history: await store.newHistory() });
  const token = settings.auth === 'none' ? undefined : await loadBootstrapToken(store, dataDir, settings.token);
  const seal = await openSecretSeal(settings.secretKeyFile ?? join(dataDir, 'secret.key'), store);
  const state = new ControlState({ store, report: (event) => logStateEvent(log, event) });
  started.defer(() => state.close());
  await state.ready;

  const replicaId = await loadReplicaId(dataDir);
  const { heartbeatIntervalMs, maxNodes } = settings;
  const openSecrets = createOpenSecrets(state.secrets, seal, log);
  const fleet = new Fleet({ state, store, replicaId, heartbeatIntervalMs, maxNodes, log, openSecrets });
  const readiness = new ServingFlag();
  const nodesWithoutStore: NodesWithoutStore = (groups) => fleet.nodesWithoutStore(groups);
  const context = { state, seal, now: () => new Date(), nodesWithoutStore };
  const tokenContext = {
    ...context,
    signingKeys: new SigningKeys(context),
    factsReached: (version: number) => factsReached(fleet, version),
  };
  const heartbeats = new Heartbeats((names) => store.saveHeartbeats(names, false));
  const expiry = new InstanceExpiry({ context, store, log });
  started.defer(() => expiry.close());
  const housekeeping = new Housekeeping({ store, log, forgetFacts: () => forgetEnded(context) });
  started.defer(() => housekeeping.close());
  const author = token === undefined ? 'anonymous' : 'bootstrap';
  const router = createRouter({
    readiness,
    log,
    ...(token && { gate: createBearerGate(token.hash) }),
    addServices(services) {
      addConfigService(services, context, author);
      addKeyService(services, context, author);
      addTokenService(services, tokenContext, author);
      addRegistryService(services, { ...context, heartbeats }, author);
      addFleetService(services, fleet);
      addSyncService(services, fleet, faults);
    },
  });
  // Before anything is answered: who finds it serving finds the token too.
  const url = `http://${formatAddress(reachable(port.address))}`;
  await shareContext(settings, url, token, log);
  const keySet: PublicDocument = {
    contentType: 'application/jwk-set+json',
    maxAgeSeconds: KEY_SET_MAX_AGE_SECONDS,
    body: () => keySetDocument(context),
  };
  port.serve(createRequestHandler(router, log, new Map([[keySetPath, keySet]])));
  started.defer(async () => {
    readiness.stop();
    await Promise.race([fleet.close(), pause(FAREWELL_MS, undefined, { ref: false })]);
    await port.close(GRACE_MS);
  });
  log.info(`listening on ${url}`, { history: state.historyId, revision: state.config.revision, replica: replicaId });
  return { url, historyId: state.historyId, token: token?.secret, close: () => started.disposeAsync() };
}

async function listen({ listen: address, maxNodes, heartbeatIntervalMs }: Settings): Promise<Port> {
  const limits: PortLimits = {
    maxConnections: maxNodes + SPARE_CONNECTIONS,
    maxHeadBytes: 16 * 1024,
    maxStreams: 1000,
    idleMs: 60_000,
    pingIntervalMs: heartbeatIntervalMs,
  };
  try {
    return await openPort(address, limits);
  } catch (error) {
    throw new StartError(`cannot listen on ${formatAddress(address)}: ${describeListenError(error)}`);
  }
}

function describeListenError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return 'another process uses this address; choose another with --listen';
  if (code === 'EADDRNOTAVAIL') return 'this machine does not have this address';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the host is not known';
  if (code === 'EACCES') return 'this user may not listen there';
  return error instanceof Error ? error.message : String(error);
}

/** Everywhere is nowhere to connect to. */
function reachable(address: ListenAddress): ListenAddress {
  if (address.host === '0.0.0.0') return { ...address, host: '127.0.0.1' };
  return address.host === '::' ? { ...address, host: '::1' } : address;
}

/** Lets gatewayctl on this machine find the server. It becomes the current context at the first start only. */
async function shareContext(
  settings: Settings,
  url: string,
  token: BootstrapToken | undefined,
  log: Log,
): Promise<void> {
  const path = settings.contextFile;
  if (path === undefined || (token !== undefined && token.secret === undefined)) return;
  const name = isLoopback(settings.listen.host) ? 'local' : formatAddress(settings.listen);
  const context = { name, server: url, ...(token?.secret !== undefined && { token: token.secret }) };
  try {
    await writeContext(path, context, token?.isNew ?? false);
    if (token?.isNew) log.info('the token was made', { context: path });
  } catch (error) {
    log.warn('the context file could not be written', {
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}

function logStateEvent(log: Log, event: StateEvent): void {
  switch (event.kind) {
    case 'databaseLost':
      log.error('the database is away; nodes are served from memory', { reason: event.message });
      break;
    case 'databaseBack':
      log.info('the database is back');
      break;
    case 'historyChanged':
      log.warn('the history changed', { from: event.from, to: event.to });
      break;
    case 'faulty':
      log.error('nothing can be written', { reason: event.message });
      break;
    default:
      event satisfies never;
  }
}

function logToStdout(settings: Settings): Log {
  return createLog(
    settings.logLevel,
    (line) => void process.stdout.write(line),
    () => new Date(),
  );
}

class ServingFlag implements Readiness {
  readonly #listeners = new Set<() => void>();
  #serving = true;

  get serving(): boolean {
    return this.#serving;
  }

  stop(): void {
    this.#serving = false;
    for (const listener of this.#listeners) listener();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
