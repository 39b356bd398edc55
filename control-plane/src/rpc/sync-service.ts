import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import { SyncService, type WatchRequest, type WatchResponse } from '@sluice/proto';
import type { EnterPhase } from '../faults.ts';
import { isUpdate } from '../fleet/encoded-update.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { NodeSession } from '../fleet/node-session.ts';
import { cutCall } from './peer.ts';

/** A node that connects must say who it is within this. */
const HELLO_TIMEOUT_MS = 10_000;

/** What a node says at once, at most. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** A node that was let go has this long to read why, before its stream is cut. */
const FAREWELL_MS = 1000;

/** The stream of each node. Without compression: it would cost more than it saves at fan-out, and hide how fast a node reads. */
export function addSyncService(router: ConnectRouter, fleet: Fleet, faults?: EnterPhase): void {
  router.service(
    SyncService,
    { watch: (requests, context) => watch(fleet, requests, context, faults) },
    { acceptCompression: [], readMaxBytes: MAX_MESSAGE_BYTES },
  );
}

async function* watch(
  fleet: Fleet,
  requests: AsyncIterable<WatchRequest>,
  context: HandlerContext,
  faults: EnterPhase | undefined,
): AsyncGenerator<WatchResponse> {
  const incoming = requests[Symbol.asyncIterator]();
  const session = await fleet.connect(await readHello(incoming));
  // A stream that is reset while an answer waits to be read ends nothing but this signal.
  const abort = () => session.close();
  context.signal.addEventListener('abort', abort, { once: true });
  if (context.signal.aborted) abort();
  session.closed.addEventListener('abort', () => {
    const cut = setTimeout(context.values.get(cutCall), FAREWELL_MS);
    context.signal.addEventListener('abort', () => clearTimeout(cut), { once: true });
    if (context.signal.aborted) clearTimeout(cut);
  });
  void readAll(incoming, session, faults);
  try {
    for await (const message of session.messages()) {
      if (faults !== undefined && isUpdate(message)) await faults('push');
      yield message;
    }
  } finally {
    session.close();
  }
}

async function readHello(incoming: AsyncIterator<WatchRequest>) {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new ConnectError(`no Hello within ${HELLO_TIMEOUT_MS} ms`, Code.DeadlineExceeded)),
    HELLO_TIMEOUT_MS,
  );
  const first = await Promise.race([incoming.next(), late.promise]).finally(() => clearTimeout(timer));
  if (first.done === true || first.value.message.case !== 'hello') {
    throw new ConnectError('the first message must be Hello', Code.InvalidArgument);
  }
  return first.value.message.value;
}

async function readAll(
  incoming: AsyncIterator<WatchRequest>,
  session: NodeSession,
  faults: EnterPhase | undefined,
): Promise<void> {
  try {
    for (let next = await incoming.next(); next.done !== true; next = await incoming.next()) {
      if (next.value.message.case === 'ack') await faults?.('ack');
      session.receive(next.value);
    }
    session.close();
  } catch (error) {
    session.close(ConnectError.from(error, Code.Aborted));
  }
}
