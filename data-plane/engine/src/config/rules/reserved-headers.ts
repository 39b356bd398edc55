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

/** @param name in any case */
export function isFramingHeader(name: string): boolean {
  return FRAMING.has(name.toLowerCase());
}
