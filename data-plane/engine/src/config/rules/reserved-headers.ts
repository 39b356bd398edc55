/**
 * Headers that frame messages or hold for one connection (RFC 9110 section 7.6.1, RFC 9112): the gateway alone writes them, and
 * editing them would let messages be read in two ways.
 */
const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What the two ends of a WebSocket handshake prove to each other (RFC 6455 section 11.3): the gateway checks the one by the other. */
const HANDSHAKE: ReadonlySet<string> = new Set(['sec-websocket-accept', 'sec-websocket-key', 'sec-websocket-version']);

/** What the gateway itself says of a request, or what says who asks for what. */
const OWN: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'date',
  'forwarded',
  'host',
  'proxy-status',
  'set-cookie',
  'traceparent',
  'tracestate',
  'via',
  'x-consumer',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-trace-id',
]);

/** A token (RFC 9110, 5.6.2) that is short enough for a header's name. */
export function isHeaderName(text: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(text);
}

/** @param name in any case */
export function isOwnHeader(name: string): boolean {
  return OWN.has(name.toLowerCase()) || /^(?:content|x-consumer)-/i.test(name);
}

/** Says who calls, to services alone: what clients send of it is not believed, and removed. In any case. */
export function isConsumerHeader(name: string): boolean {
  return /^x-consumer(?:-|$)/i.test(name);
}

/** What may hold a credential, of the headers that mean something to the gateway itself. */
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'cookie']);

/** Whether a header is one that clients may put a credential into: none that the gateway writes or reads for itself. */
export function mayHoldCredential(name: string): boolean {
  const lower = name.toLowerCase();
  return CREDENTIALS.has(lower) || !(isFramingHeader(lower) || isOwnHeader(lower) || isOwnAnswerHeader(lower));
}

/** What every answer carries, so that what is logged of its request is found. */
const OWN_ANSWER: ReadonlySet<string> = new Set(['x-request-id', 'x-trace-id']);

/** @param name in any case */
export function isOwnAnswerHeader(name: string): boolean {
  return OWN_ANSWER.has(name.toLowerCase());
}

/** @param name in any case */
export function isFramingHeader(name: string): boolean {
  return FRAMING.has(name.toLowerCase());
}

/** @param name in any case */
export function isHandshakeHeader(name: string): boolean {
  return HANDSHAKE.has(name.toLowerCase());
}
