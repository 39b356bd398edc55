import { parseStrictJson, type StrictJson } from '../json/strict-json.ts';

/** How deep the JSON of a body may nest. */
const MAX_DEPTH = 64;

/** Reads a body that something is decided by, or that is edited: as every reader behind the gateway would. */
export function parseJsonBody(bytes: Buffer): StrictJson {
  return parseStrictJson(bytes, bytes.length, MAX_DEPTH);
}
