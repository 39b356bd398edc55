import type { FieldList } from './field-list.ts';
import { type HeadGrammar, type HeadLimits, HeadReader } from './head-reader.ts';
import { HeaderId } from './header-id.ts';
import { type Refusal, refuse } from './refusal.ts';

/** The fields after the last chunk: what a recipient may keep of them. */
export interface Trailers extends FieldList {
  readonly ok: true;
  headers: readonly string[];
  ids: readonly HeaderId[];
}

const TRAILER_LIMITS: HeadLimits = { targetBytes: 0, headerBytes: 8 * 1024, headerCount: 32 };

/**
 * Content-Length, Transfer-Encoding and Host in a trailer section are an attempt to frame another message: refused.
 * Whatever else the gateway acts on (any name in `HeaderId`), and what says how a message is to be understood, must not
 * come so late and is dropped (RFC 9110 6.5.1).
 */
export function createTrailerReader(limits: HeadLimits = TRAILER_LIMITS): HeadReader<Trailers> {
  return new HeadReader(trailerGrammar, limits, false);
}

/** Beside the names in `HeaderId`: content format, conditions, and what directs a request or a response. */
const TOO_LATE =
  /^(?:content-(?!digest$).*|if-.*|allow|accept-.*|expires|max-forwards|pragma|range|access-control-.*|strict-transport-security)$/i;

const FRAMING_IN_TRAILERS = refuse('bad_request', 'Content-Length, Transfer-Encoding or Host in the trailers');

const trailerGrammar: HeadGrammar<Trailers> = {
  create: () => ({ ok: true, headers: [], ids: [], text: '', lines: [] }),
  startLine: null,
  startLineBytes: () => 0,
  explain: () => ({ at: Number.POSITIVE_INFINITY, refusal: FRAMING_IN_TRAILERS }),
  field: refuseFraming,
  finish: dropForbidden,
};

function refuseFraming(_trailers: Trailers, id: HeaderId): Refusal | null {
  const framing = id === HeaderId.contentLength || id === HeaderId.transferEncoding || id === HeaderId.host;
  return framing ? FRAMING_IN_TRAILERS : null;
}

function dropForbidden(trailers: Trailers): null {
  const { headers, ids } = trailers;
  const kept = ids.map((id, i) => id === HeaderId.other && !TOO_LATE.test(headers[2 * i] as string));
  trailers.headers = headers.filter((_, i) => kept[i >> 1]);
  trailers.ids = ids.filter((_, i) => kept[i]);
  return null;
}
