import { getCompileCacheDir } from 'node:module';
import { Worker } from 'node:worker_threads';
import { withDeadline } from './deadline.ts';
import { StoreStartError, StoreUnavailable } from './failure.ts';
import { forwardQueries, type StoreMethod, type StoreQueries } from './forward-queries.ts';
import type { Notice, Store } from './store.ts';
import type { DatabaseSettings, FromThread, ThreadSettings, ToThread } from './thread-protocol.ts';

/** Calls in the thread at once; more wait here. */
const MAX_IN_FLIGHT = 32;
/** Calls that wait at most. */
const MAX_WAITING = 2048;
/** Between the end of a thread and the start of its successor, growing with each that does not open. */
const restartDelayMs = { first: 100, most: 5000 };
const CLOSE_TIMEOUT_MS = 10_000;

/**
 * A store whose database is used from a thread of its own; a thread that ends is replaced. `callTimeoutMs`: after it the thread is. Rejects
 * with a StoreStartError.
 */
export async function openThreadedStore(settings: DatabaseSettings, callTimeoutMs: number): Promise<Store> {
  const listeners = new Set<(notice: Notice | undefined) => void>();
  const waiting: (() => void)[] = [];
  let inFlight = 0;
  let closed = false;
  const wake = (notice: Notice | undefined) => {
    for (const listener of listeners) listener(notice);
  };
  let thread: Thread | undefined = await startThread({ ...settings, prepare: true }, wake);
  void thread.ended.then(replace);

  async function replace(): Promise<void> {
    thread = undefined;
    for (let delayMs = restartDelayMs.first; !closed; delayMs = Math.min(delayMs * 2, restartDelayMs.most)) {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      const next = await startThread({ ...settings, prepare: false }, wake).catch(() => undefined);
      if (next === undefined) continue;
      if (closed) return void next.terminate();
      thread = next;
      void next.ended.then(replace);
      return wake(undefined);
    }
  }

  async function call(method: StoreMethod, args: readonly unknown[]): Promise<unknown> {
    if (inFlight >= MAX_IN_FLIGHT) {
      if (waiting.length >= MAX_WAITING) throw new StoreUnavailable('too many calls wait for the database');
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    inFlight++;
    try {
      if (closed) throw new StoreUnavailable('the store is closed');
      if (thread === undefined) throw new StoreUnavailable('the database is being opened again');
      const asked = thread;
      return await withDeadline(asked.call(method, args), callTimeoutMs, () => {
        void asked.terminate();
        return new StoreUnavailable('the database does not answer', effectOf(method));
      });
    } finally {
      inFlight--;
      waiting.shift()?.();
    }
  }

  return {
    driver: settings.kind,
    ...forwardQueries((method, args) => call(method, args) as ReturnType<StoreQueries[typeof method]>),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async close() {
      closed = true;
      await thread?.close();
    },
  };
}

/** What a call may have done that got no answer. */
function effectOf(method: StoreMethod): 'none' | 'unknown' {
  return method === 'append' ? 'unknown' : 'none';
}

interface Thread {
  call(method: StoreMethod, args: readonly unknown[]): Promise<unknown>;
  close(): Promise<void>;
  terminate(): Promise<unknown>;
  readonly ended: Promise<void>;
}

interface Pending {
  readonly method: StoreMethod;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

async function startThread(
  settings: Omit<ThreadSettings, 'compileCache'>,
  wake: (notice: Notice | undefined) => void,
): Promise<Thread> {
  const worker = new Worker(new URL('./start-database-thread.js', import.meta.url), {
    name: 'database',
    workerData: { ...settings, compileCache: getCompileCacheDir() } as ThreadSettings,
  });
  const pending = new Map<number, Pending>();
  const opened = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let lastId = 0;
  let failure = 'its thread ended';
  const post = (message: ToThread) => worker.postMessage(message);

  worker.on('message', (message: FromThread) => {
    switch (message.kind) {
      case 'open':
        return opened.resolve();
      case 'startFailure':
        return opened.reject(new StoreStartError(message.message, message.remedy));
      case 'wake':
        return wake(message.notice);
      case 'answer':
      case 'failure': {
        const asked = pending.get(message.id);
        pending.delete(message.id);
        if (message.kind === 'answer') return asked?.resolve(message.value);
        return asked?.reject(
          message.unavailable === undefined
            ? new Error(message.message)
            : new StoreUnavailable(message.message, message.unavailable),
        );
      }
      default:
        return message satisfies never;
    }
  });
  worker.on('error', (error) => {
    failure = error instanceof Error ? error.message : String(error);
  });
  worker.on('exit', () => {
    opened.reject(new StoreStartError(`cannot open the database: ${failure}`, 'start it again'));
    for (const { method, reject } of pending.values()) {
      reject(new StoreUnavailable(`the connection to the database ended: ${failure}`, effectOf(method)));
    }
    pending.clear();
    ended.resolve();
  });
  await opened.promise;
  return {
    call(method, args) {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      pending.set(++lastId, { method, resolve, reject });
      post({ kind: 'call', id: lastId, method, args });
      return promise;
    },
    async close() {
      post({ kind: 'close' });
      await withDeadline(ended.promise, CLOSE_TIMEOUT_MS, () => new Error('the database does not close')).catch(() =>
        worker.terminate(),
      );
    },
    terminate: () => worker.terminate(),
    ended: ended.promise,
  };
}
