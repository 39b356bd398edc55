import { setTimeout as sleep } from 'node:timers/promises';
import postgres, { type Options, type PostgresType } from 'postgres';
import { channel } from './database.ts';
import { readNotification } from './notification.ts';
import type { Notice } from './store.ts';

export interface LogListener {
  close(): Promise<void>;
}

/** Longest wait between two attempts to listen again. */
const MAX_WAIT_MS = 2000;

/**
 * Calls back on each notification, and each time listening began, since what came before was missed. Holds a connection of its own and
 * makes a new one whenever it is lost (the driver's own `listen` gives up when its first attempt fails).
 */
export function listenToLog(
  url: string,
  settings: Options<Record<string, PostgresType>>,
  wake: (notice: Notice | undefined) => void,
): LogListener {
  const stop = new AbortController();
  const ended = listenUntil(stop.signal, url, settings, wake);
  return {
    async close() {
      stop.abort();
      await ended;
    },
  };
}

async function listenUntil(
  stopped: AbortSignal,
  url: string,
  settings: Options<Record<string, PostgresType>>,
  wake: (notice: Notice | undefined) => void,
): Promise<void> {
  for (let failures = 0; !stopped.aborted; failures++) {
    const lost = Promise.withResolvers<void>();
    const onnotify = (_: string, payload: string) => wake(readNotification(payload));
    const client = postgres(url, { ...settings, onclose: () => lost.resolve(), onnotify } as typeof settings);
    const end = () => lost.resolve();
    stopped.addEventListener('abort', end);
    try {
      await Promise.race([client.unsafe(`listen ${channel}`), lost.promise]);
      if (!stopped.aborted) {
        failures = 0;
        wake(undefined);
        await lost.promise;
      }
    } catch {
      // Not reachable now; the next attempt says whether it still is.
    } finally {
      stopped.removeEventListener('abort', end);
      await client.end({ timeout: 0 });
    }
    const wait = Math.min(100 * 2 ** Math.min(failures, 5), MAX_WAIT_MS) * (0.5 + Math.random() / 2);
    await sleep(wait, undefined, { signal: stopped }).catch(() => undefined);
  }
}
