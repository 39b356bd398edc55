import { createServer } from 'node:net';
import type { BuiltItem, HeldItem, ListenerPlan } from '@sluice/engine';
import type { ListenerAddress } from '../worker/messages.ts';
import { StartError } from './start-error.ts';
import type { Supervisor } from './workers/supervisor.ts';

/** What a node listens on where neither it nor the configuration says anything. */
export const DEFAULT_LISTENER: ListenerAddress = { name: 'http', host: '127.0.0.1', port: 8080 };

/** Keeps what the workers listen on equal to what the node's settings and the configuration say. */
export class Listeners {
  readonly #own: readonly ListenerAddress[];
  readonly #supervisor: Supervisor;
  readonly #drainTimeoutMs: number;
  readonly #configured = new Map<string, ListenerPlan>();
  readonly #failures = new Map<string, string>();
  #bound = new Map<string, ListenerAddress>();

  /** @param own the settings' `--bind` addresses, with real ports */
  constructor(own: readonly ListenerAddress[], supervisor: Supervisor, drainTimeoutMs: number) {
    this.#own = own;
    this.#supervisor = supervisor;
    this.#drainTimeoutMs = drainTimeoutMs;
  }

  /** Takes over listeners of the configuration that were put or removed, without binding anything. */
  put(item: BuiltItem): void {
    if (item.kind === 'Listener') this.#configured.set(item.name, item.plan);
  }

  remove(kind: string, name: string): void {
    if (kind === 'Listener') this.#configured.delete(name);
  }

  /** Binds and unbinds what changed. An address that moved is bound anew before the old one is left. */
  reconcile(): void {
    const desired = new Map(this.#desired().map((listener) => [listener.name, listener]));
    for (const [name, listener] of desired) {
      const bound = this.#bound.get(name);
      if (bound?.host === listener.host && bound.port === listener.port) continue;
      if (bound !== undefined) this.#supervisor.unbind(name, this.#drainTimeoutMs);
      this.#failures.delete(name);
      this.#supervisor.bind(listener);
    }
    for (const name of this.#bound.keys()) if (!desired.has(name)) this.#supervisor.unbind(name, this.#drainTimeoutMs);
    this.#bound = desired;
  }

  /** A worker could not bind a listener: it is reported, and the node goes on. */
  failed(name: string, reason: string): void {
    this.#failures.set(name, reason);
  }

  held(): readonly HeldItem[] {
    return [...this.#failures].map(([name, reason]) => ({
      kind: 'Listener',
      name,
      reason: `cannot be bound: ${reason}`,
      lastGood: false,
    }));
  }

  bound(): Iterable<ListenerAddress> {
    return this.#bound.values();
  }

  #desired(): readonly ListenerAddress[] {
    const configured = [...this.#configured.values()].filter(({ name }) => this.#own.every((own) => own.name !== name));
    const all = [...this.#own, ...configured.map(({ name, host, port }) => ({ name, host, port }))];
    return all.length === 0 ? [DEFAULT_LISTENER] : all;
  }
}

/**
 * Makes sure that nobody else listens on the addresses a node starts with, and turns port 0 into a real one.
 * @param takeover somebody may: the process that this one takes over from
 * @throws StartError with the address and the reason
 */
export async function claimAddresses(
  listeners: readonly ListenerAddress[],
  takeover: boolean,
): Promise<readonly ListenerAddress[]> {
  const claimed: ListenerAddress[] = [];
  for (const listener of listeners.length === 0 ? [DEFAULT_LISTENER] : listeners) {
    const port = takeover && listener.port !== 0 ? listener.port : await probe(listener);
    claimed.push({ ...listener, port });
  }
  return listeners.length === 0 ? [] : claimed;
}

function probe({ name, host, port }: ListenerAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new StartError(`cannot listen on ${host}:${port} for the listener ${name}: ${reasonOf(error)}`)),
    );
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}

/** What a system error about an address means, and what to do. */
export function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'the port is taken; stop the other process or give another port';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine has no such address';
    case 'EACCES':
      return 'this user may not use that port';
    default:
      return error.message;
  }
}
