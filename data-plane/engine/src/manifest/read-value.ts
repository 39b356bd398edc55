import { create } from '@bufbuild/protobuf';
import { ListValueSchema, NullValue, StructSchema, type Value, ValueSchema } from '@bufbuild/protobuf/wkt';
import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { formatMapKey } from '../config/field-path.ts';
import { entryValue, readKey } from './read-key.ts';
import type { Reader } from './reader.ts';

/** Reads any JSON value. Undefined, and reported, where YAML says what JSON cannot. */
export function readJson(reader: Reader, written: Node, field: string, depth = 0): Value | undefined {
  const node = reader.follow(written, field);
  if (node === undefined) return undefined;
  if (depth > MAX_DEPTH) {
    reader.report(node, field, `is nested more than ${MAX_DEPTH} levels deep`);
    return undefined;
  }
  const kind = readKind(reader, node, field, depth);
  return kind && create(ValueSchema, { kind });
}

const MAX_DEPTH = 32;

function readKind(reader: Reader, node: Node, field: string, depth: number): Value['kind'] | undefined {
  if (isMap(node)) {
    const fields: Record<string, Value> = {};
    for (const pair of node.items) {
      const name = readKey(reader, pair.key as Node, field, fields);
      const item =
        name === undefined ? undefined : readJson(reader, entryValue(pair), field + formatMapKey(name), depth + 1);
      if (name !== undefined && item !== undefined) fields[name] = item;
    }
    return { case: 'structValue', value: create(StructSchema, { fields }) };
  }
  if (isSeq(node)) {
    const values = node.items.flatMap((item, i) => readJson(reader, item as Node, `${field}[${i}]`, depth + 1) ?? []);
    return { case: 'listValue', value: create(ListValueSchema, { values }) };
  }
  const value = isScalar(node) ? node.value : undefined;
  switch (typeof value) {
    case 'string':
      return { case: 'stringValue', value };
    case 'boolean':
      return { case: 'boolValue', value };
    case 'number':
      if (Number.isFinite(value)) return { case: 'numberValue', value };
      break;
    default:
      if (value === null) return { case: 'nullValue', value: NullValue.NULL_VALUE };
  }
  reader.report(node, field, 'is nothing that JSON can say');
  return undefined;
}
