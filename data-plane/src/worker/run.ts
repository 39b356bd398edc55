/** Entry of a worker thread: connections and requests, told by the main thread what to serve and where. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createLog } from '@sluice/engine';
import { WorkerProxy } from '../proxy/index.ts';
import { attachShared } from '../shared/index.ts';
import { ActiveTables } from './active-tables.ts';
import { crash, readWorkerFaults, requestFault } from './faults.ts';
import type { BindMessage, FromWorker, StageMessage, ToWorker, WorkerStart } from './messages.ts';

const BEAT_MS = 250;

const { index, region, group, zone, recordsSpans, listeners } = workerData as WorkerStart;
const port = parentPort as MessagePort;
const log = createLog(
  'info',
  (line) => process.stdout.write(line),
  () => new Date(),
);
const faults = readWorkerFaults(process.env.SLUICE_FAULTS);
const shared = attachShared(region, index);
const tables = new ActiveTables(shared, { group, zone }, listeners);
const proxy = new WorkerProxy(shared, tables, {
  onBug: (error) => log.error('a request failed in the gateway', { worker: index, error: stackOf(error) }),
  onRequest: requestFault(faults),
  recordsSpans,
  onKeysWanted: (issuer) => tell({ type: 'keysWanted', issuer }),
  onSharedCache: (call, bytes) =>
    port.postMessage({ type: 'sharedCache', call } satisfies FromWorker, bytes ? [bytes] : []),
});
let state: 'starting' | 'ready' | 'draining' = 'starting';

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'stage':
      void stage(message);
      break;
    case 'bind':
      void bind(message);
      break;
    case 'unbind':
      void proxy.unlisten(message.listener, message.deadlineMs).then(() => {
        tell({ type: 'unbound', listener: message.listener });
      });
      break;
    case 'keysSettled':
      proxy.keysSettled(message.issuer, message.againInMs);
      break;
    case 'sharedCache':
      proxy.onSharedCache(message.reply);
      break;
    case 'drain':
      state = 'draining';
      beat();
      void proxy.drain(message.deadlineMs).then((cut) => tell({ type: 'drained', cut }));
      break;
    case 'close':
      clearInterval(beating);
      proxy.close();
      port.close();
      break;
    case 'crash':
      if (faults.crashMessages) crash();
      break;
    default:
      message satisfies never;
  }
});

const beating = setInterval(beat, BEAT_MS);
beat();
tell({ type: 'ready' });
if (faults.crashAtStart === index) crash();

async function stage({ generation, packed }: StageMessage): Promise<void> {
  const { delayStage } = faults;
  if (delayStage?.worker === index) await new Promise((resolve) => setTimeout(resolve, delayStage.ms));
  try {
    await tables.stage(generation, packed);
    if (state === 'starting') state = 'ready';
    beat();
    tell({ type: 'staged', generation });
  } catch (error) {
    tell({ type: 'staged', generation, error: stackOf(error) });
  }
}

async function bind({ listener, host, port: wanted, exclusive }: BindMessage): Promise<void> {
  try {
    tell({ type: 'bound', listener, port: await proxy.listen(listener, host, wanted, exclusive) });
  } catch (error) {
    const { code = 'unknown', message } = error as NodeJS.ErrnoException;
    tell({ type: 'bindFailed', listener, code, message });
  }
}

/** Shows that the event loop turns; idle workers take up what is active here. */
function beat(): void {
  tables.activate();
  if (state !== 'draining' && shared.control.draining()) proxy.tellLeaving();
  shared.control.beat(index, shared.clock.nowMs());
  shared.control.setWorkerState(index, state);
}

function tell(message: FromWorker): void {
  port.postMessage(message);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
