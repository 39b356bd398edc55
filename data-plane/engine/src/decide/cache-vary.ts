import type { CachedFields } from './cache-response.ts';

/** More names than this in one Vary: the answer is not stored. */
export const MAX_VARY_NAMES = 32;

const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** The names in a Vary field, in lower case, sorted; undefined where no cache can follow it. */
export function varyNames(value: string): readonly string[] | undefined {
  const parts = value.split(',', MAX_VARY_NAMES + 1);
  if (parts.length > MAX_VARY_NAMES) return undefined;
  const names = new Set<string>();
  for (const part of parts) {
    const name = part.trim().toLowerCase();
    if (name === '') continue;
    if (!NAME.test(name) || name === '*') return undefined;
    names.add(name);
  }
  return [...names].sort();
}

/**
 * What of a request tells answers apart by some of its fields: two requests with the same text get the same answer (RFC 9111, 4.1).
 * White space around commas says nothing.
 */
export function varyText(names: readonly string[], request: CachedFields): string {
  let text = '';
  for (const name of names) {
    const value = request.field(name);
    text += value === undefined ? `${name}\n` : `${name}:${value.split(',').map(trimmed).join()}\n`;
  }
  return text;
}

function trimmed(part: string): string {
  return part.trim();
}
