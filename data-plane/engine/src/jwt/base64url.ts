/** What was decoded last: the bytes of one segment of a token. */
export const decoded: Buffer = Buffer.alloc(16 * 1024);

/**
 * Decodes the one canonical form (RFC 4648, 5: no padding, no other characters, unused bits zero) into {@link decoded} and gives the
 * number of bytes; -1 for anything else. A text may be as long as a token.
 */
export function decodeBase64url(text: string): number {
  const length = decoded.write(text, 'base64url');
  // Node's decoder passes over what it does not know, so that many texts would stand for the same bytes.
  return decoded.toString('base64url', 0, length) === text ? length : -1;
}
