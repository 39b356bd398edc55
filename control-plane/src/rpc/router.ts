import type { DescService } from '@bufbuild/protobuf';
import { Code, type ConnectRouter, createConnectRouter, type HandlerContext } from '@connectrpc/connect';
import { compressionGzip } from '@connectrpc/connect-node';
import type { Log } from '@sluice/engine';
import {
  ConfigService,
  FleetService,
  grpcHealth,
  KeyService,
  RegistryService,
  SyncService,
  TokenService,
} from '@sluice/proto';
import { checkRequests } from './check-request.ts';
import { retryableError } from './errors.ts';
import { addHealthService, type Readiness } from './health.ts';
import { logCalls } from './log-calls.ts';
import { addReflectionServices } from './reflection.ts';

/** What a router is made of. */
export interface RouterOptions {
  readonly readiness: Readiness;
  readonly log: Log;
  /** Throws a ConnectError for calls that are not admitted. Health checks are not asked. Unset: everything is admitted. */
  readonly gate?: (context: HandlerContext) => void;
  /** Adds what health and reflection are not. */
  addServices(router: ConnectRouter): void;
}

/** One request at most: a change of many thousand resources. */
const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

/** Calls under way at a time, watch streams and health checks apart. */
const MAX_CALLS = 512;
/** Of those, exchanges of keys for tokens, which anybody may ask for. */
const MAX_EXCHANGES = 64;

const services: readonly DescService[] = [
  ConfigService,
  KeyService,
  TokenService,
  FleetService,
  RegistryService,
  SyncService,
  grpcHealth.Health,
];

/** All services with their bounds: what a call passes on its way in and out is this list, in this order. */
export function createRouter({ readiness, log, gate, addServices }: RouterOptions): ConnectRouter {
  const admit = boundCalls(MAX_CALLS);
  const admitExchange = boundCalls(MAX_EXCHANGES);
  const router = createConnectRouter({
    readMaxBytes: MAX_REQUEST_BYTES,
    acceptCompression: [compressionGzip],
    requestGate(context) {
      if (context.service === grpcHealth.Health) return;
      // Who has a key needs nothing else, and takes nobody's place who has more.
      if (context.method === TokenService.method.issueToken) {
        admitExchange(context);
        return;
      }
      gate?.(context);
      if (context.service !== SyncService) admit(context);
    },
    interceptors: [logCalls(log), checkRequests()],
  });
  addServices(router);
  addHealthService(
    router,
    readiness,
    services.map(({ typeName }) => typeName),
  );
  addReflectionServices(router, services);
  return router;
}

function boundCalls(limit: number): (context: HandlerContext) => void {
  let running = 0;
  return ({ signal }) => {
    if (running >= limit) throw retryableError(Code.ResourceExhausted, `${limit} calls are under way`, 500);
    running++;
    signal.addEventListener('abort', () => running--, { once: true });
  };
}
