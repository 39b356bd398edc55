import { isUtf8 } from 'node:buffer';

/** A text that every reader takes for the same value, or why it is none. */
export type StrictJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: StrictJsonRefusal };

type StrictJsonRefusal =
  | 'nests too deep'
  | 'is not UTF-8'
  | 'is not JSON'
  | 'has two members of one name'
  | 'has a member __proto__';

/**
 * Reads `bytes[0..length)` as one JSON text (RFC 8259), refusing what readers disagree on: members of one name, of which some take the
 * first and some the last; a byte order mark; other encodings than UTF-8; and `__proto__`, which changes an object in some languages.
 * Nothing is built of what nests deeper than `maxDepth`. Takes about as long as parsing alone, once more.
 */
export function parseStrictJson(bytes: Buffer, length: number, maxDepth: number): StrictJson {
  const colons = countColons(bytes, length, maxDepth);
  if (colons < 0) return refuse('nests too deep');
  if (!areAscii && !isUtf8(bytes.subarray(0, length))) return refuse('is not UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString(areAscii ? 'latin1' : 'utf8', 0, length));
  } catch {
    return refuse('is not JSON');
  }
  if (typeof value !== 'object' || value === null) return { ok: true, value };
  const members = countMembers(value);
  if (members < 0) return refuse('has a member __proto__');
  // Members of one name became one: then there are fewer of them than there are colons.
  return members === colons ? { ok: true, value } : refuse('has two members of one name');
}

/** Whether the bytes counted last were all ASCII. */
let areAscii = true;

/** The colons outside of strings, each of which stands for a member; -1: it nests too deep. */
function countColons(bytes: Buffer, length: number, maxDepth: number): number {
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
      if (++depth > maxDepth) return -1;
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

/** -1: one of them is named `__proto__`. As deep as the value nests, which is bounded. */
function countMembers(value: object): number {
  let members = 0;
  if (Array.isArray(value)) {
    for (const item of value) {
      if (typeof item !== 'object' || item === null) continue;
      const inside = countMembers(item);
      if (inside < 0) return -1;
      members += inside;
    }
    return members;
  }
  for (const name in value) {
    if (name === '__proto__') return -1;
    members++;
    const member = (value as Readonly<Record<string, unknown>>)[name];
    if (typeof member !== 'object' || member === null) continue;
    const inside = countMembers(member);
    if (inside < 0) return -1;
    members += inside;
  }
  return members;
}

function refuse(reason: StrictJsonRefusal): StrictJson {
  return { ok: false, reason };
}
