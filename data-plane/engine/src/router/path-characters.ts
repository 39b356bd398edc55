/** What a US-ASCII character is in a path. */
export const PathCharacter = { plain: 0, percent: 1, backslash: 2, escaped: 3, refused: 4 } as const;

/**
 * By character code, 0 to 0x7F. `plain` is pchar and `/` (RFC 3986 section 3.3); `escaped` is what browsers send bare though the
 * RFC does not admit it (`|`, `[`, `]`).
 */
export const PATH_CHARACTERS: Uint8Array = buildPathCharacters();

/** Whether an escape of this byte stands for the same as the character itself: unreserved, RFC 3986 section 2.3. */
export function decodesToUnreserved(byte: number): boolean {
  return isAlphanumeric(byte) || byte === 0x2d || byte === 0x2e || byte === 0x5f || byte === 0x7e;
}

export function isHexDigit(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66);
}

/** The escape of a byte, e.g. `%5C`. */
export function toUpperHex(byte: number): string {
  return `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`;
}

function buildPathCharacters(): Uint8Array {
  const table = new Uint8Array(128).fill(PathCharacter.refused);
  for (let code = 0; code < 128; code++) if (isAlphanumeric(code)) table[code] = PathCharacter.plain;
  for (const character of "-._~!$&'()*+,;=:@/") table[character.charCodeAt(0)] = PathCharacter.plain;
  for (const character of '|[]') table[character.charCodeAt(0)] = PathCharacter.escaped;
  table['%'.charCodeAt(0)] = PathCharacter.percent;
  table['\\'.charCodeAt(0)] = PathCharacter.backslash;
  return table;
}

function isAlphanumeric(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}
