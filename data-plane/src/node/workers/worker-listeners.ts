import type { ListenerAddress } from '../../worker/messages.ts';
import type { LiveWorker } from './live-worker.ts';

/** What every worker listens on while it serves. */
export class WorkerListeners {
  readonly #addresses = new Map<string, ListenerAddress>();
  readonly #exclusive: boolean;

  /** `reusePort`: workers can listen on one address. */
  constructor(reusePort: boolean) {
    this.#exclusive = !reusePort;
  }

  /** Listens on an address in these workers, and in those that begin to serve later. */
  bind(listener: ListenerAddress, serving: readonly LiveWorker[]): void {
    this.#addresses.set(listener.name, listener);
    for (const worker of serving) this.#bindIn(worker, listener);
  }

  /** What its connections carry may go on until the deadline, shared clock. */
  unbind(listener: string, deadlineMs: number, serving: readonly LiveWorker[]): void {
    this.#addresses.delete(listener);
    for (const worker of serving) worker.post({ type: 'unbind', listener, deadlineMs });
  }

  /** Has a worker listen on all. False: there is nothing to listen on. */
  begin(worker: LiveWorker): boolean {
    for (const listener of this.#addresses.values()) this.#bindIn(worker, listener);
    return worker.binding.size > 0;
  }

  /** A worker has bound a listener, or could not. True: it was the last that it was told of. */
  answered(worker: LiveWorker, listener: string): boolean {
    worker.binding.delete(listener);
    if (worker.binding.size > 0) return false;
    worker.listens = true;
    return true;
  }

  #bindIn(worker: LiveWorker, { name, host, port }: ListenerAddress): void {
    worker.binding.add(name);
    worker.post({ type: 'bind', listener: name, host, port, exclusive: this.#exclusive });
  }
}
