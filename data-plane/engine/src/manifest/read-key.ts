import { isScalar, type Node, type Pair, Scalar } from 'yaml';
import { formatMapKey } from '../config/field-path.ts';
import type { Reader } from './reader.ts';

/**
 * Reads a key of a map. Undefined, and reported, where it is no text or is there already.
 * @param seen what the map has so far
 * @param join how the key is written in the path of its value
 */
export function readKey(
  reader: Reader,
  node: Node,
  field: string,
  seen: object,
  join: (field: string, key: string) => string = (at, key) => at + formatMapKey(key),
): string | undefined {
  const key = isScalar(node) ? node.value : undefined;
  if (typeof key !== 'string') {
    const written = isScalar(node) ? (node.source ?? String(key)) : '';
    const remedy = written === '' ? undefined : `put it in quotes: "${written}"`;
    reader.reportKey(node, field, field, { message: 'a key must be text', remedy });
    return undefined;
  }
  if (key === '__proto__') {
    reader.reportKey(node, field, field, { message: '"__proto__" cannot be a key' });
    return undefined;
  }
  if (Object.hasOwn(seen, key)) {
    reader.report(node, join(field, key), 'is there twice');
    return undefined;
  }
  return key;
}

/** The value of an entry; null where only a key is written. */
export function entryValue({ key, value }: Pair): Node {
  if (value !== null && value !== undefined) return value as Node;
  const nothing = new Scalar(null);
  const { range } = key as Node;
  if (range) nothing.range = range;
  return nothing;
}
