import { withBody } from '../http1/index.ts';
import { ABORTED, REFUSED } from '../shared/index.ts';
import { answerProblem } from './answer.ts';
import { armTimer } from './deadlines.ts';
import type { Exchange } from './exchange.ts';
import { detachUpstream, endTry } from './try.ts';
import { SAFE_METHODS } from './try-failure.ts';
import type { UpstreamConnection } from './upstream-connection.ts';
import { upstreamHead } from './upstream-request.ts';

/** Up to this, a body leaves together with its head as one text in one write. */
const MAX_JOINED_BYTES = 16 * 1024 - 2048;
/** What is kept of a body for a dead connection's replacement, where the route has no retries. */
const DEFAULT_REPLAY_BYTES = 64 * 1024;

/** The last phase: sends the request on its way. */
export function forward(x: Exchange): boolean {
  const { route, body } = x;
  const { plan } = x.destination;
  x.takeArrived();
  if (body.refusal !== null) {
    answerProblem(x, 'bad_request', body.refusal.detail);
    return true;
  }
  if (body.payloadBytes > route.bodyBytes) {
    answerProblem(x, 'body_too_large');
    return true;
  }
  const head = upstreamHead(x);
  if (head === undefined) {
    answerProblem(x, 'bad_request', 'The request cannot be rewritten into a valid one.');
    return true;
  }
  const nowMs = x.startedUs / 1000;
  x.headText = head;
  x.headDeadlineMs = nowMs + plan.timeoutMs;
  x.endDeadlineMs = plan.maxDurationMs === 0 ? Number.POSITIVE_INFINITY : nowMs + plan.maxDurationMs;
  x.lastBodyMs = x.lastByteMs = nowMs;
  x.interims = 0;
  x.replayable = plan.retry !== undefined || SAFE_METHODS.has(x.head.method);
  x.replayBytes = 0;
  record(x, body.bytes);
  x.context.shared.retryBudgets.countRequest(plan.service.slot, nowMs);
  if (x.head.expectContinue && !body.received) x.client.sendText('HTTP/1.1 100 Continue\r\n\r\n');
  startTry(x);
  return true;
}

/** Breaker, balancer, connection, and the request is written. */
export function startTry(x: Exchange): void {
  const { context } = x;
  const { plan, service } = x.destination;
  const { breakers, columns } = context.shared;
  const { breaker, slot } = plan.service;
  const { nowMs } = context;
  if (breaker !== undefined) {
    const token = breakers.admit(slot, breaker, nowMs);
    if (token === REFUSED) {
      answerProblem(x, 'circuit_open', undefined, retryAfter(breakers.retryAfterMs));
      return;
    }
    x.breakerToken = token;
  }
  const endpoint = service.pick(x.failedSlot);
  if (endpoint === undefined) {
    endTry(x, ABORTED);
    answerProblem(x, 'no_healthy_endpoint', undefined, retryAfter(1000));
    return;
  }
  columns.inFlight.add(endpoint.slot, 1);
  x.endpointSlot = endpoint.slot;
  x.tryStartedUs = context.nowUs;
  const perTryMs = plan.retry?.perTryTimeoutMs ?? 0;
  x.tryDeadlineMs = perTryMs === 0 ? Number.POSITIVE_INFINITY : nowMs + perTryMs;
  const connection = context.pools.takeIdle(endpoint) ?? context.pools.open(endpoint, plan.service, nowMs);
  if (connection === undefined) {
    endTry(x, ABORTED);
    answerProblem(x, 'overloaded', undefined, retryAfter(1000));
    return;
  }
  send(x, connection);
}

/** The bytes of the request's body that have just come. */
export function sendBody(x: Exchange, bytes: Buffer): void {
  if (bytes.length === 0) return;
  record(x, bytes);
  const { upstream, client } = x;
  if (upstream === null) return;
  const more = upstream.sendBytes(bytes);
  if (!upstream.drained) client.keepChunk();
  if (more) return;
  x.uploadBlocked = true;
  client.pauseReading();
}

function send(x: Exchange, connection: UpstreamConnection): void {
  x.state = 'waiting';
  x.upstream = connection;
  connection.user = x;
  const bytes = x.replay.length > 0 ? joined(x.replay) : x.body.bytes;
  const { headText } = x;
  const more =
    bytes.length === 0
      ? connection.sendText(headText)
      : bytes.length <= MAX_JOINED_BYTES
        ? connection.sendText(withBody(headText, bytes, 0, bytes.length))
        : connection.sendTogether(headText, bytes);
  if (!connection.drained) x.client.keepChunk();
  if (connection.writeFailed && connection.completed > 0 && replaceConnection(x, connection)) return;
  if (!more && !x.body.received) {
    x.uploadBlocked = true;
    x.client.pauseReading();
  }
  armTimer(x);
}

/** Keeps what was sent of the body while all of it can be sent again. */
function record(x: Exchange, bytes: Buffer): void {
  if (!x.replayable || bytes.length === 0) return;
  x.replayBytes += bytes.length;
  if (x.replayBytes <= (x.destination.plan.retry?.bufferBytes ?? DEFAULT_REPLAY_BYTES)) {
    x.replay.push(Buffer.from(bytes));
  } else {
    x.replayable = false;
    x.replay.length = 0;
  }
}

function joined(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

/**
 * A connection from the pool that the other end has closed: another, new one takes its place once. Only where nothing was sent yet,
 * or sending it again does no harm.
 */
export function replaceConnection(x: Exchange, dead: UpstreamConnection): boolean {
  if (x.replaced) return false;
  const { pools, nowMs } = x.context;
  const connection = pools.open(dead.endpoint, x.destination.plan.service, nowMs);
  if (connection === undefined) return false;
  x.replaced = true;
  detachUpstream(x)?.destroy();
  x.unblockUpload();
  send(x, connection);
  return true;
}

function retryAfter(ms: number): string {
  return `retry-after: ${Math.ceil(ms / 1000)}\r\n`;
}
