import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { openEmbedded } from './embedded-database.ts';
import { StoreStartError, StoreUnavailable } from './failure.ts';
import type { OpenDatabase } from './open-database.ts';
import { openPostgres } from './postgres-database.ts';
import type { Notice } from './store.ts';
import type { FromThread, ThreadSettings, ToThread } from './thread-protocol.ts';

/**
 * The thread that the database is used from. PGlite blocks the thread that it is called on; postgres.js 3.4 throws where nobody can catch
 * it when a connection is lost inside a transaction (porsager/postgres#1208). Neither may touch the thread that serves streams.
 */
if (parentPort !== null) await serveDatabase(parentPort, workerData as ThreadSettings);

async function serveDatabase(port: MessagePort, settings: ThreadSettings): Promise<void> {
  const send = (message: FromThread) => port.postMessage(message);
  let database: OpenDatabase;
  try {
    database = await openDatabase(settings, (notice) => send({ kind: 'wake', notice }));
  } catch (error) {
    if (!(error instanceof StoreStartError)) throw error;
    send({ kind: 'startFailure', message: error.message, remedy: error.remedy });
    port.close();
    return;
  }
  const running = new Set<Promise<void>>();
  port.on('message', (message: ToThread) => {
    if (message.kind === 'close') {
      void Promise.all(running)
        .then(() => database.close())
        .finally(() => port.close());
      return;
    }
    const call = answer(message).finally(() => running.delete(call));
    running.add(call);
  });
  send({ kind: 'open' });

  async function answer({ id, method, args }: ToThread & { kind: 'call' }): Promise<void> {
    try {
      send({ kind: 'answer', id, value: await database.call(method, args) });
    } catch (error) {
      const unavailable = error instanceof StoreUnavailable ? { unavailable: error.effect } : {};
      send({ kind: 'failure', id, message: error instanceof Error ? error.message : String(error), ...unavailable });
    }
  }
}

function openDatabase(settings: ThreadSettings, wake: (notice: Notice | undefined) => void): Promise<OpenDatabase> {
  switch (settings.kind) {
    case 'embedded':
      return openEmbedded(settings, settings.prepare, wake);
    case 'postgres':
      return openPostgres(settings, settings.prepare, wake);
    default:
      return settings satisfies never;
  }
}
