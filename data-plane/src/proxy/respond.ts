import type { FieldText } from '../http1/index.ts';
import { HeaderId, type ResponseHead } from '../http1/index.ts';
import { FAILURE } from '../shared/index.ts';
import { connectionLine, ownResponseLines } from './answer.ts';
import { endHeldAnswer, holdAnswer, holdMore, isEdited } from './body/edit-response.ts';
import { isReplacedOnError, serveOnError } from './cache/cache-errors.ts';
import { beginFill, completeFill, fillMore } from './cache/cache-fill.ts';
import { invalidateChanged } from './cache/cache-invalidate.ts';
import type { CacheRecord } from './cache/cache-record.ts';
import { cacheStatusLine } from './cache/cache-serve.ts';
import { serveUnchanged } from './cache/cache-unchanged.ts';
import type { CacheUse } from './cache/cache-use.ts';
import { armTimer, watchReader } from './deadlines.ts';
import type { Exchange } from './exchange.ts';
import { finishResponse, releaseConnection, sendWithBody } from './finish-response.ts';
import { switchProtocols } from './tunnel/switch-protocols.ts';
import { failTry, fallsBackFrom, retriesAnswer } from './upstream/retry.ts';
import { serveFallback } from './upstream/start-try.ts';
import { detachUpstream, endTry, outcomeOf } from './upstream/try.ts';
import { PROTOCOL_ERROR } from './upstream/try-failure.ts';
import type { UpstreamConnection } from './upstream/upstream-connection.ts';

/** Interim answers passed on for one request; more are swallowed. */
const MAX_INTERIMS = 16;
const SWITCHING_PROTOCOLS = 101;
const CONTINUE = 100;

/** Bytes from the upstream that the exchange has. */
export function onResponseChunk(x: Exchange, chunk: Buffer): void {
  const connection = x.upstream as UpstreamConnection;
  if (x.state === 'responding') {
    relayBody(x, connection, chunk);
    return;
  }
  if (x.state === 'editing') {
    holdMore(x, connection, chunk);
    return;
  }
  let at = 0;
  for (;;) {
    const head = connection.reader.read(chunk, at, x.head.method);
    if (head === undefined) return;
    if (!head.ok) {
      failTry(x, PROTOCOL_ERROR);
      return;
    }
    at = connection.reader.end;
    if (head.status >= 200) {
      onResponseHead(x, connection, head, chunk, at);
      return;
    }
    if (head.status === SWITCHING_PROTOCOLS) {
      if (!switchProtocols(x, connection, head, chunk, at)) failTry(x, PROTOCOL_ERROR);
      return;
    }
    passInterim(x, head);
    if (at === chunk.length) return;
  }
}

/** The upstream's connection has ended during the body. */
export function endResponse(x: Exchange, error: Error | undefined): void {
  if (x.state === 'editing') {
    endHeldAnswer(x, error);
    return;
  }
  if (error !== undefined || !x.responseBody.endsWithUpstream) {
    endTry(x, FAILURE);
    x.broken(502);
    return;
  }
  const rest = x.responseBody.finish();
  if (rest !== '') x.client.sendText(rest);
  finishResponse(x);
}

/** 100 is answered by the gateway itself; HTTP/1.0 knows no interim answers. */
function passInterim(x: Exchange, head: ResponseHead): void {
  if (head.status === CONTINUE || x.head.minor === 0 || ++x.interims > MAX_INTERIMS) return;
  const { writer } = x.context;
  writer.response(head.status, head.reason);
  writer.forward(head, x.route.responseDrop, x.route.responseDropNames);
  const text = writer.end();
  if (text !== undefined) x.client.sendText(text);
}

function onResponseHead(
  x: Exchange,
  connection: UpstreamConnection,
  head: ResponseHead,
  chunk: Buffer,
  at: number,
): void {
  const { shared, nowUs } = x.context;
  shared.metrics.observe(x.destination.service.upstreamDuration, (nowUs - x.tryStartedUs) / 1e6);
  if (x.record !== null) x.record.answerTry(head.status, nowUs);
  const { responseBody } = x;
  const edited = isEdited(x, head);
  // What is edited is taken without framing, as a client of HTTP/1.0 gets it.
  responseBody.begin(head, edited ? 0 : x.head.minor, x.head.trailersAccepted);
  // A connection that a protocol was to be switched on carries nothing else.
  x.upstreamKeepAlive = head.keepAlive && x.webSocketKey === '';
  let end = at;
  if (!responseBody.received) {
    end = responseBody.take(chunk, at);
    if (responseBody.malformed) {
      failTry(x, PROTOCOL_ERROR);
      return;
    }
  }
  const isTriedAgain = retriesAnswer(x, head);
  if (!isTriedAgain && x.cache !== null && answersFromCache(x, head.status)) {
    detachUpstream(x);
    releaseConnection(x, connection, responseBody.received && end === chunk.length);
    endTry(x, outcomeOf(head.status));
    answerFromCache(x, head);
    return;
  }
  if (isTriedAgain || (x.fallbackAt < x.fallbacks.length && fallsBackFrom(x, head.status))) {
    detachUpstream(x);
    releaseConnection(x, connection, responseBody.received && end === chunk.length);
    x.failedSlot = x.endpointSlot;
    endTry(x, outcomeOf(head.status));
    if (!isTriedAgain) serveFallback(x);
    return;
  }
  if (x.route.cache !== null) takeForCache(x, head, chunk, at, end);
  if (edited) {
    holdAnswer(x, connection, head, end === chunk.length);
    return;
  }
  x.status = head.status;
  x.keepAlive = x.head.keepAlive && x.body.received && !responseBody.endsWithConnection && !x.client.leaving;
  const text = responseHead(x, head);
  if (text === undefined) {
    failTry(x, PROTOCOL_ERROR);
    return;
  }
  const more = sendWithBody(x, text, responseBody.bytes) || isKept(x);
  if (!x.client.drained) connection.keepChunk();
  if (responseBody.received) {
    if (x.cache !== null) completeFill(x, x.cache);
    detachUpstream(x);
    releaseConnection(x, connection, end === chunk.length);
    finishResponse(x);
    return;
  }
  x.state = 'responding';
  x.lastByteMs = nowUs / 1000;
  if (more) armTimer(x);
  else awaitReader(x, connection);
}

function responseHead(x: Exchange, head: ResponseHead): string | undefined {
  const { writer } = x.context;
  const { route } = x;
  writer.response(head.status, head.reason);
  writer.forward(head, route.responseDrop, route.responseDropNames);
  if (!head.dated && route.responseDrop[HeaderId.date] !== 1) writer.fields(x.context.dateLine);
  if (route.cache !== null) writer.fields(cacheStatusLine(x));
  writer.fields(ownResponseLines(x) as FieldText);
  switch (x.responseBody.relay) {
    case 'length':
      writer.contentLength(head.contentLength);
      break;
    case 'chunked':
    case 'enchunk':
      writer.chunked();
      break;
    case 'none':
      // An answer to HEAD, and a 304, may say how long the body would be, unless it would be edited.
      if (route.responseEdits === null && head.contentLength >= 0 && head.status !== 204)
        writer.contentLength(head.contentLength);
      break;
    case 'unchunk':
    case 'close':
      break;
    default:
      x.responseBody.relay satisfies never;
  }
  writer.fields(connectionLine(x) as FieldText);
  writer.fields(route.responseLines);
  return writer.end();
}

function relayBody(x: Exchange, connection: UpstreamConnection, chunk: Buffer): void {
  const { responseBody } = x;
  const end = responseBody.take(chunk, 0);
  if (responseBody.malformed) {
    failTry(x, PROTOCOL_ERROR);
    return;
  }
  x.lastByteMs = x.context.nowMs;
  const { bytes } = responseBody;
  if (x.cache !== null && x.cache.fill !== null) fillMore(x, x.cache, x.cache.fill, chunk, 0, end);
  // What is kept is bounded, and no client that reads slowly keeps others waiting for it.
  const more = bytes.length === 0 || x.client.sendBytes(bytes) || isKept(x);
  if (!x.client.drained) connection.keepChunk();
  if (responseBody.received) {
    if (x.cache !== null) completeFill(x, x.cache);
    detachUpstream(x);
    releaseConnection(x, connection, end === chunk.length);
    finishResponse(x);
  } else if (!more) awaitReader(x, connection);
}

/** What comes goes into the cache too. */
function isKept({ cache }: Exchange): boolean {
  return cache !== null && cache.fill !== null;
}

function awaitReader(x: Exchange, connection: UpstreamConnection): void {
  connection.pause();
  watchReader(x);
}

const NOT_MODIFIED = 304;

/** The service says that what the cache asked about still holds, or it fails and the cache can serve. */
function answersFromCache(x: Exchange, status: number): boolean {
  const use = x.cache as CacheUse;
  if (status === NOT_MODIFIED) return use.stale !== null && use.conditions !== '';
  return isReplacedOnError(x, status);
}

function answerFromCache(x: Exchange, head: ResponseHead): void {
  const use = x.cache as CacheUse;
  if (head.status === NOT_MODIFIED) serveUnchanged(x, use, use.stale as CacheRecord, head);
  else serveOnError(x);
}

/** The answer goes to the client: what of it is kept, and what it makes invalid. */
function takeForCache(x: Exchange, head: ResponseHead, chunk: Buffer, at: number, end: number): void {
  invalidateChanged(x, head);
  const use = x.cache;
  if (use === null || isEdited(x, head)) return;
  beginFill(x, use, head);
  if (use.fill !== null) fillMore(x, use, use.fill, chunk, at, end);
}
