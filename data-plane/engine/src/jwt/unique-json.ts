import { parseStrictJson } from '../json/strict-json.ts';

/** How deep a token's claims may nest. */
const MAX_DEPTH = 16;

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads `bytes[0..length)` as one JSON object in which no object has two members of one name: parsers disagree on which of them counts
 * (RFC 7519, 4). Undefined for anything else, for what nests deeper than {@link MAX_DEPTH}, and for what is no UTF-8.
 */
export function parseUniqueObject(bytes: Buffer, length: number): JsonObject | undefined {
  const parsed = parseStrictJson(bytes, length, MAX_DEPTH);
  if (!parsed.ok) return undefined;
  const { value } = parsed;
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

/** An own member; never what objects inherit. */
export function memberOf(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
