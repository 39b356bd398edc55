import { HeaderId, ID_BY_NAME } from './header-id.ts';

/**
 * What `scanFields` found: five numbers a field, read by the getters below. Shared by all readers of the thread, since
 * a scan is used up before the next one.
 */
let found = new Int32Array(0);
const STRIDE = 5;

/** Behind the last whole field line, or behind the empty line. */
export let scanEnd = 0;
/** The empty line was reached. */
export let scanComplete = false;

/** Makes room for scans of up to `fields` fields. */
export function reserveFields(fields: number): void {
  if (found.length < fields * STRIDE) found = new Int32Array(fields * STRIDE);
}

export function lineStart(field: number): number {
  return found[field * STRIDE] as number;
}
export function colonAt(field: number): number {
  return found[field * STRIDE + 1] as number;
}
export function valueStart(field: number): number {
  return found[field * STRIDE + 2] as number;
}
export function valueEnd(field: number): number {
  return found[field * STRIDE + 3] as number;
}
/** A HeaderId, or `NAME_UNDECIDED`. */
export function fieldId(field: number): number {
  return found[field * STRIDE + 4] as number;
}

/** The name has a special character or a prefix of interest: `headerIdOf` decides. */
export const NAME_UNDECIDED = -1;

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const HT = 0x09;
const COLON = 0x3a;
const LOWER_X = 0x78;
/** Shorter names have no prefix of interest (`x-consumer-`, `x-forwarded-`). */
const SHORTEST_PREFIX = 'x-consumer-'.length;

/** Of a character of a token its lower case, of any other byte 0; what is neither letter, digit nor `-` is marked by a bit of its own. */
const SPECIAL_BIT = 0x80;
const LOWER = lowerTable();
/** Bytes a value may hold: visible, obs-text, space, tab (RFC 9110 5.5). */
const VALUE = valueTable();

/** Finds a known name by the hash of its bytes: no two known names share a place, so one comparison decides. */
const PLACES = 512;
const { multiplier: MULTIPLIER, ids: ID_AT, names: NAME_AT } = placeNames();

/**
 * Scans whole field lines (`name:value` CRLF, RFC 9112 5) in `bytes[from..to)`, at most `most` of them, and gives their
 * number. It stops at the empty line, or before the first line that is not whole or not well-formed: `scanEnd` and
 * `scanComplete` say which. Each byte is looked at once.
 */
export function scanFields(bytes: Buffer, from: number, to: number, most: number): number {
  const fields = found;
  let at = from;
  let count = 0;
  scanComplete = false;
  while (count < most) {
    let i = at;
    let hash = 0;
    let marks = 0;
    for (; i < to; i++) {
      const lower = LOWER[bytes[i] as number] as number;
      if (lower === 0) break;
      hash = Math.imul(hash ^ lower, MULTIPLIER);
      marks |= lower;
    }
    if (i === to) break;
    if (bytes[i] !== COLON || i === at) {
      if (i === at && i + 1 < to && bytes[i] === CR && bytes[i + 1] === LF) {
        at = i + 2;
        scanComplete = true;
      }
      break;
    }
    const colon = i++;
    while (i < to && (bytes[i] === SP || bytes[i] === HT)) i++;
    const value = i;
    while (i < to && VALUE[bytes[i] as number] === 1) i++;
    if (i + 1 >= to || bytes[i] !== CR || bytes[i + 1] !== LF) break;
    let end = i;
    while (end > value && (bytes[end - 1] === SP || bytes[end - 1] === HT)) end--;
    const slot = count * STRIDE;
    fields[slot] = at;
    fields[slot + 1] = colon;
    fields[slot + 2] = value;
    fields[slot + 3] = end;
    fields[slot + 4] = idOf(bytes, at, colon, hash, marks);
    count++;
    at = i + 2;
  }
  scanEnd = at;
  return count;
}

function idOf(bytes: Buffer, from: number, to: number, hash: number, marks: number): number {
  const place = placeOf(hash);
  const name = NAME_AT[place];
  if (name !== undefined && name.length === to - from && isName(bytes, from, name)) return ID_AT[place] as number;
  if ((marks & SPECIAL_BIT) !== 0) return NAME_UNDECIDED;
  const mayHavePrefix = to - from >= SHORTEST_PREFIX && LOWER[bytes[from] as number] === LOWER_X;
  return mayHavePrefix ? NAME_UNDECIDED : HeaderId.other;
}

function isName(bytes: Buffer, from: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) {
    if (LOWER[bytes[from + i] as number] !== name[i]) return false;
  }
  return true;
}

function placeOf(hash: number): number {
  return (hash ^ (hash >>> 15)) & (PLACES - 1);
}

/** Tries odd multipliers until no two names meet; there are few names and many places, so it takes a few tries. */
function placeNames(): { multiplier: number; ids: Uint8Array; names: (Uint8Array | undefined)[] } {
  for (let multiplier = 0x01000193; ; multiplier += 2) {
    const ids = new Uint8Array(PLACES);
    const names: (Uint8Array | undefined)[] = Array(PLACES).fill(undefined);
    const fits = [...ID_BY_NAME].every(([text, id]) => {
      const name = Uint8Array.from(Buffer.from(text, 'latin1'));
      const place = placeOf(name.reduce((hash, byte) => Math.imul(hash ^ byte, multiplier), 0));
      const free = names[place] === undefined;
      names[place] = name;
      ids[place] = id;
      return free;
    });
    if (fits) return { multiplier, ids, names };
  }
}

function lowerTable(): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of '-0123456789abcdefghijklmnopqrstuvwxyz') {
    table[character.charCodeAt(0)] = character.charCodeAt(0);
    table[character.toUpperCase().charCodeAt(0)] = character.charCodeAt(0);
  }
  for (const character of "!#$%&'*+.^_`|~") table[character.charCodeAt(0)] = character.charCodeAt(0) | SPECIAL_BIT;
  return table;
}

function valueTable(): Uint8Array {
  const table = new Uint8Array(256).fill(1, SP);
  table[HT] = 1;
  table[0x7f] = 0;
  return table;
}
