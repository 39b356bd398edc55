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

/** @param name in any case */
export function isFramingHeader(name: string): boolean {
  return FRAMING.has(name.toLowerCase());
}

/** @param name in any case */
export function isHandshakeHeader(name: string): boolean {
  return HANDSHAKE.has(name.toLowerCase());
}
