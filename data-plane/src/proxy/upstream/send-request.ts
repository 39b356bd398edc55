import type { EndpointPlan } from '@sluice/engine';
import { withBody } from '../../http1/index.ts';
import { ABORTED } from '../../shared/index.ts';
import { answerProblem } from '../answer.ts';
import { bodySoFar, holdBody, recordBody, releaseHeld } from '../body/held-body.ts';
import { armTimer } from '../deadlines.ts';
import type { Exchange } from '../exchange.ts';
import { beginTry } from '../record/record-request.ts';
import { abandonTry, detachUpstream, endTry } from './try.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** Up to this, a body leaves together with its head as one text in one write. */
const MAX_JOINED_BYTES = 16 * 1024 - 2048;
/** Error type of Proxy-Status (RFC 9209, 2.3.12). */
const LIMIT_REACHED = 'connection_limit_reached';

/**
 * Sends the request on a connection to `endpoint`, now or when one becomes free. `isNew`: on none that was used before, as where it takes
 * the place of a dead one, or a protocol is to be switched on it.
 */
export function acquireConnection(x: Exchange, endpoint: EndpointPlan, isNew: boolean): void {
  const { pools, nowMs } = x.context;
  const { service } = x.destination.plan;
  const connection = isNew ? pools.takeNew(endpoint, service, nowMs) : pools.take(endpoint, service, nowMs);
  if (connection !== undefined) {
    send(x, connection);
    return;
  }
  x.state = 'queued';
  x.waitsFor = endpoint;
  x.wantsNew = isNew;
  x.unblockUpload();
  // What came of the body is valid in this turn only. What may be sent again is kept already.
  if (!x.replayable && x.replay.length === 0) holdBody(x, x.body.bytes);
  armTimer(x);
  if (pools.enqueue(x, service, nowMs)) return;
  endTry(x, ABORTED);
  answerProblem(x, 'overloaded', undefined, 'retry-after: 1\r\n', LIMIT_REACHED);
}

/** The request has its connection: the try begins. */
export function send(x: Exchange, connection: UpstreamConnection): void {
  const { nowUs, nowMs } = x.context;
  x.state = 'waiting';
  x.upstream = connection;
  connection.user = x;
  x.tryStartedUs = nowUs;
  if (x.record !== null) beginTry(x, x.record, connection.endpoint);
  const perTryMs = x.destination.plan.retry?.perTryTimeoutMs ?? 0;
  x.tryDeadlineMs = perTryMs === 0 ? Number.POSITIVE_INFINITY : nowMs + perTryMs;
  const bytes = bodySoFar(x);
  const { headText } = x;
  const more =
    bytes.length === 0
      ? connection.sendText(headText)
      : bytes.length <= MAX_JOINED_BYTES
        ? connection.sendText(withBody(headText, bytes, 0, bytes.length))
        : connection.sendTogether(headText, bytes);
  // Where the connection proves to be dead, another one takes what is here now; later it may be here no more.
  if (!x.body.received || (bytes.length > 0 && !x.replayable)) connection.flush();
  if (!connection.drained) x.client.keepChunk();
  if (connection.writeFailed && connection.completed > 0 && replaceConnection(x, connection)) return;
  releaseHeld(x);
  if (!x.body.received) awaitBody(x, more);
  armTimer(x);
}

/** `more`: the upstream takes more of it. */
function awaitBody(x: Exchange, more: boolean): void {
  if (x.continueDue) {
    x.continueDue = false;
    x.client.sendText('HTTP/1.1 100 Continue\r\n\r\n');
  }
  if (more) {
    x.unblockUpload();
    return;
  }
  x.uploadBlocked = true;
  x.client.pauseReading();
}

/** The bytes of the request's body that have just come. */
export function sendBody(x: Exchange, bytes: Buffer): void {
  if (bytes.length === 0) return;
  const { upstream, client } = x;
  if (upstream === null) {
    holdBody(x, bytes);
    return;
  }
  recordBody(x, bytes);
  const more = upstream.sendBytes(bytes);
  if (!upstream.drained) client.keepChunk();
  if (more) return;
  x.uploadBlocked = true;
  client.pauseReading();
}

/**
 * A connection from the pool that the other end has closed: another, new one takes its place once. Only where nothing was sent yet,
 * or sending it again does no harm.
 */
export function replaceConnection(x: Exchange, dead: UpstreamConnection): boolean {
  if (x.replaced) return false;
  x.replaced = true;
  detachUpstream(x)?.destroy();
  acquireConnection(x, dead.endpoint, true);
  return true;
}

/** The time that the request has is over, and it still waits. That is no fault of the upstream. */
export function failWait(x: Exchange): void {
  abandonTry(x);
  const detail = 'No connection to the service became free in time.';
  answerProblem(x, 'upstream_timeout', detail, '', LIMIT_REACHED);
}
