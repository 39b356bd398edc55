import { isUtf8 } from 'node:buffer';

/** How deep a token's claims may nest. */
export const MAX_DEPTH = 16;

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads `bytes[0..length)` as one JSON object in which no object has two members of one name: parsers disagree on which of them counts
 * (RFC 7519, 4). Undefined for anything else, for what nests deeper than {@link MAX_DEPTH}, and for what is no UTF-8.
 */
export function parseUniqueObject(bytes: Buffer, length: number): JsonObject | undefined {
  const colons = countColons(bytes, length);
  if (colons < 0) return undefined;
  if (!areAscii && !isUtf8(bytes.subarray(0, length))) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString(areAscii ? 'latin1' : 'utf8', 0, length));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  // Members of one name became one: then there are fewer of them than there are colons.
  return countMembers(value) === colons ? (value as JsonObject) : undefined;
}

/** An own member; never what objects inherit. */
export function memberOf(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Whether the bytes counted last were all ASCII. */
let areAscii = true;

/** The colons outside of strings, each of which stands for a member; -1: it nests too deep. */
function countColons(bytes: Buffer, length: number): number {
  let colons = 0;
  let depth = 0;
  let seen = 0;
  for (let i = 0; i < length; i++) {
    const byte = bytes[i] as number;
    seen |= byte;
    if (byte === QUOTE) {
      for (i++; i < length; i++) {
        const inside = bytes[i] as number;
        seen |= inside;
        if (inside === QUOTE) break;
        if (inside === BACKSLASH) i++;
      }
    } else if (byte === COLON) colons++;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > MAX_DEPTH) return -1;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
  areAscii = seen < 0x80;
  return colons;
}

const QUOTE = 0x22;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function countMembers(value: object): number {
  let members = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object' && item !== null) members += countMembers(item);
    return members;
  }
  for (const name in value) {
    members++;
    const member = (value as JsonObject)[name];
    if (typeof member === 'object' && member !== null) members += countMembers(member);
  }
  return members;
}
