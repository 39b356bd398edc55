import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import { grpcHealth } from '@sluice/proto';

const { Health, HealthCheckResponse_ServingStatus: Status } = grpcHealth;

/** Whether calls are worth sending here. */
export interface Readiness {
  readonly serving: boolean;
  /** Calls the listener at each change; the function returned ends that. */
  subscribe(listener: () => void): () => void;
}

/** grpc.health.v1 for the server as a whole (the empty name) and each of the services named. */
export function addHealthService(router: ConnectRouter, readiness: Readiness, services: readonly string[]): void {
  const names = new Set(['', ...services]);
  const current = () => (readiness.serving ? Status.SERVING : Status.NOT_SERVING);
  router.service(Health, {
    check({ service }) {
      if (!names.has(service)) throw new ConnectError(`unknown service ${service}`, Code.NotFound);
      return { status: current() };
    },
    list() {
      return { statuses: Object.fromEntries([...names].map((name) => [name, { status: current() }])) };
    },
    async *watch({ service }, { signal }) {
      const known = names.has(service);
      for (;;) {
        const status = known ? current() : Status.SERVICE_UNKNOWN;
        yield { status };
        await nextChange(readiness, signal, () => known && current() !== status);
        if (signal.aborted) return;
      }
    },
  });
}

function nextChange(readiness: Readiness, signal: AbortSignal, changed: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => {
    if (changed() || signal.aborted) resolve();
  };
  const unsubscribe = readiness.subscribe(look);
  signal.addEventListener('abort', look, { once: true });
  look();
  return promise.finally(() => {
    unsubscribe();
    signal.removeEventListener('abort', look);
  });
}
