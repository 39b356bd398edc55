import { type FieldText, fieldValue, HeaderId, namedFieldValue } from '../http1/index.ts';
import type { Exchange } from './exchange.ts';

/** What names a request to client and upstream. */
export interface Trace {
  traceId: string;
  /** The lines that go to upstreams: request id, traceparent. */
  line: FieldText;
}

const SANE_ID = /^[A-Za-z0-9._-]{1,128}$/;
/** W3C Trace Context, version 00; later versions begin the same way. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:$|-)/;

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
    if (trusted && (Number.parseInt(match[2] as string, 16) & 1) === 1) flags = '01';
  }
  trace.line =
    `${listener.requestIdHeader}: ${x.requestId}\r\ntraceparent: 00-${trace.traceId}-${ids.take(16)}-${flags}\r\n` as FieldText;
}
