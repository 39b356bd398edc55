import type { TracingPlan } from '@sluice/engine';
import { type FieldText, fieldValue, HeaderId, namedFieldValue } from '../../http1/index.ts';
import type { Exchange } from '../exchange.ts';

/** What names a request to client and upstream. */
export interface Trace {
  traceId: string;
  /** The lines that go to upstreams: request id, traceparent. */
  line: FieldText;
}

const SANE_ID = /^[A-Za-z0-9._-]{1,128}$/;
/** W3C Trace Context, version 00; later versions begin the same way. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;

/**
 * Names the request: the id of a trusted peer is kept if it is sane, the trace of anyone is gone on with, in a span of its own; its
 * sampled flag only where the peer is trusted.
 */
export function startTrace(x: Exchange): void {
  const { head, listener, trace } = x;
  const { ids } = x.context;
  const trusted = x.client.peer.isTrusted(listener);
  const given = trusted ? namedFieldValue(head, listener.requestIdHeader) : undefined;
  x.requestId = given !== undefined && SANE_ID.test(given) ? given : ids.take(32);
  const parent = fieldValue(head, HeaderId.traceparent);
  const match = parent === undefined ? null : TRACEPARENT.exec(parent);
  let flags = '00';
  if (match === null) {
    trace.traceId = ids.take(32);
  } else {
    trace.traceId = match[1] as string;
    if (trusted && isSampled(match)) flags = '01';
  }
  nameToUpstream(x, ids.take(16), flags);
}

/** The span of a traced request, and how it is named to its first upstream. */
export interface ServerSpan {
  readonly spanId: string;
  /** Empty: the trace begins here. */
  readonly parentId: string;
  /** Of the span of the try that the request's head names. */
  tryId: string;
}

/**
 * Decides whether a request is traced: as a trusted peer says of its trace; else by a draw, not by the trace's id, which clients
 * choose. Null: it is not. Upstreams are told, in the name of the span of the first try.
 */
export function sampleTrace(x: Exchange, { sample }: TracingPlan): ServerSpan | null {
  const { ids } = x.context;
  const parent = fieldValue(x.head, HeaderId.traceparent);
  const match = parent === undefined ? null : TRACEPARENT.exec(parent);
  const isDecided = match !== null && x.client.peer.isTrusted(x.listener);
  if (isDecided ? !isSampled(match) : Math.random() >= sample) return null;
  const span = { spanId: ids.take(16), parentId: match?.[2] ?? '', tryId: ids.take(16) };
  nameToUpstream(x, span.tryId, '01');
  return span;
}

/** From here on the head of the request names the span of another try. */
export function nameNextTry(x: Exchange, span: ServerSpan): void {
  const before = span.tryId;
  span.tryId = x.context.ids.take(16);
  x.headText = x.headText.replace(`-${before}-01\r\n`, `-${span.tryId}-01\r\n`);
}

function isSampled(traceparent: RegExpExecArray): boolean {
  return (Number.parseInt(traceparent[3] as string, 16) & 1) === 1;
}

function nameToUpstream({ listener, requestId, trace }: Exchange, spanId: string, flags: string): void {
  trace.line =
    `${listener.requestIdHeader}: ${requestId}\r\ntraceparent: 00-${trace.traceId}-${spanId}-${flags}\r\n` as FieldText;
}
