import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

/** Why content is not decoded. */
export type DecodingFailure = 'unknown encoding' | 'malformed' | 'too large';

/**
 * Content without its Content-Encoding, where that is one of gzip, br, deflate or identity (RFC 9110 8.4.1). At most `maxBytes` are ever
 * made of it, whatever it would become. Takes milliseconds for a mebibyte; nothing of it runs for content without an encoding.
 */
export function decodeContent(bytes: Buffer, encoding: string, maxBytes: number): Buffer | DecodingFailure {
  const decode = DECODERS.get(encoding.trim().toLowerCase());
  if (decode === undefined) return 'unknown encoding';
  try {
    return decode(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too large' : 'malformed';
  }
}

type Decoder = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Buffer;

const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['gzip', gunzipSync],
  ['x-gzip', gunzipSync],
  ['deflate', inflateSync],
  ['br', brotliDecompressSync],
  ['identity', (bytes) => bytes],
]);
