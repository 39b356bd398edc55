import { create, type DescField, type DescMessage, fromJson, type Message } from '@bufbuild/protobuf';
import { scalarZeroValue } from '@bufbuild/protobuf/reflect';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import { StringListSchema } from '@sluice/proto';
import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { formatMapKey, joinPath } from '../config/field-path.ts';
import { parseByteSize } from './byte-size.ts';
import { parseDuration } from './duration.ts';
import { fieldsByName, notationOf } from './notation.ts';
import { entryValue, readKey } from './read-key.ts';
import { describeNode, didYouMean, readScalar } from './read-scalar.ts';
import { readSourceText, SOURCE_KINDS, sourceKind } from './read-source.ts';
import { readJson } from './read-value.ts';
import type { Reader } from './reader.ts';

/**
 * Reads a message by its descriptor. All that is wrong is reported; what comes back is whole only where nothing was. Undefined where
 * the node is no such message at all.
 */
export function readMessage(reader: Reader, desc: DescMessage, written: Node, field: string): Message | undefined {
  const notation = notationOf(desc);
  if (notation === 'json') return readJson(reader, written, field);
  const node = reader.follow(written, field);
  if (node === undefined) return undefined;
  switch (notation) {
    case 'duration':
      return readText(reader, node, field, 'a duration such as 5s', parseDuration);
    case 'byteSize':
      return readText(reader, node, field, 'a size such as 8KiB', parseByteSize);
    case 'timestamp':
      return readText(reader, node, field, 'a time such as 2027-01-01T00:00:00Z', parseTimestamp);
    case 'stringList': {
      const values = readList(reader, StringListSchema.field.values, node, field);
      return values && create(StringListSchema, { values: values as string[] });
    }
    case 'source':
    case 'fields':
      return readFields(reader, desc, node, field);
    default:
      return notation satisfies never;
  }
}

function readFields(reader: Reader, desc: DescMessage, node: Node, path: string): Message | undefined {
  if (!isMap(node)) {
    const remedy = isEmpty(node) ? 'write {} to take its defaults, or remove it' : undefined;
    reader.report(node, path, isEmpty(node) ? 'has no value' : `must be a map, not ${describeNode(node)}`, remedy);
    return undefined;
  }
  const values: Record<string, unknown> = {};
  const seen: Record<string, true> = {};
  const chosen = new Map<string, string>();
  for (const pair of node.items) {
    const key = pair.key as Node;
    const name = readKey(reader, key, path, seen, joinPath);
    if (name === undefined) continue;
    seen[name] = true;
    const at = joinPath(path, name);
    const source = notationOf(desc) === 'source' ? sourceKind(name) : undefined;
    const field = fieldsByName(desc).get(source === undefined ? name : 'inline');
    if (field === undefined) {
      reportUnknown(reader, desc, key, path, name);
      continue;
    }
    chooseCase(reader, chosen, field, key, at, name);
    const written = entryValue(pair);
    const value =
      source === undefined ? readField(reader, field, written, at) : readSourceText(reader, source, written, at);
    if (value === undefined) continue;
    if (field.oneof === undefined) values[field.localName] = value;
    else values[field.oneof.localName] = { case: field.localName, value };
  }
  return create(desc, values);
}

/** Reads what a field holds. Undefined, and reported, where that is nothing it can hold. */
export function readField(reader: Reader, desc: DescField, written: Node, field: string): unknown {
  switch (desc.fieldKind) {
    case 'message':
      return readMessage(reader, desc.message, written, field);
    case 'scalar':
    case 'enum': {
      const node = reader.follow(written, field);
      return node && readScalar(reader, desc, node, field);
    }
    case 'list':
    case 'map': {
      const node = reader.follow(written, field);
      if (node === undefined) return undefined;
      return desc.fieldKind === 'list' ? readList(reader, desc, node, field) : readMap(reader, desc, node, field);
    }
    default:
      return desc satisfies never;
  }
}

function readList(reader: Reader, desc: DescField, node: Node, field: string): unknown[] | undefined {
  if (!isSeq(node)) {
    const remedy = isScalar(node) && !isEmpty(node) ? 'write it as a list: [...]' : undefined;
    reader.report(node, field, isEmpty(node) ? 'has no value' : `must be a list, not ${describeNode(node)}`, remedy);
    return undefined;
  }
  return node.items.map((item, i) => readOne(reader, desc, item as Node, `${field}[${i}]`) ?? emptyItem(desc));
}

function readMap(reader: Reader, desc: DescField, node: Node, field: string): Record<string, unknown> | undefined {
  if (!isMap(node)) {
    reader.report(node, field, isEmpty(node) ? 'has no value' : `must be a map, not ${describeNode(node)}`);
    return undefined;
  }
  const values: Record<string, unknown> = {};
  for (const pair of node.items) {
    const key = readKey(reader, pair.key as Node, field, values);
    if (key === undefined) continue;
    const value = readOne(reader, desc, entryValue(pair), field + formatMapKey(key));
    if (value !== undefined) values[key] = value;
  }
  return values;
}

/** One item of a list or map. */
function readOne(reader: Reader, desc: DescField, written: Node, field: string): unknown {
  if (desc.message !== undefined) return readMessage(reader, desc.message, written, field);
  const node = reader.follow(written, field);
  return node && readScalar(reader, desc, node, field);
}

/** Stands for an item that could not be read, so that those after it keep their places. */
function emptyItem({ message, scalar }: DescField): unknown {
  if (message !== undefined) return create(message);
  return scalar === undefined ? 0 : scalarZeroValue(scalar, false);
}

/** Of the cases of a oneof, only one may be written. */
function chooseCase(
  reader: Reader,
  chosen: Map<string, string>,
  { oneof }: DescField,
  key: Node,
  field: string,
  name: string,
): void {
  if (oneof === undefined) return;
  const other = chosen.get(oneof.name);
  if (other === undefined) chosen.set(oneof.name, name);
  else reader.report(key, field, `${other} and ${name} exclude each other`, 'keep one of them');
}

function reportUnknown(reader: Reader, desc: DescMessage, key: Node, parent: string, name: string): void {
  const field = joinPath(parent, name);
  const fields = desc.fields.map(({ jsonName }) => jsonName);
  if (name === '<<') {
    const message = 'merge keys (<<) are not understood';
    reader.reportKey(key, parent, field, { message, remedy: 'write the fields out', fields });
    return;
  }
  const sources = notationOf(desc) === 'source' ? SOURCE_KINDS : [];
  const known = [...fields, ...sources];
  const plain = (text: string) => text.replace(/[_-]/g, '').toLowerCase();
  const same = known.find((each) => plain(each) === plain(name));
  const remedy = (same === undefined ? didYouMean(name, known) : `did you mean ${same}?`) ?? listKnown(known);
  reader.reportKey(key, parent, field, { message: `unknown field "${name}"`, remedy, fields });
}

function listKnown(known: readonly string[]): string {
  return known.length === 0 ? 'there are no fields here: write {}' : `the fields here are ${known.join(', ')}`;
}

function readText<T>(
  reader: Reader,
  node: Node,
  field: string,
  form: string,
  parse: (text: string) => T | string,
): T | undefined {
  const value = isScalar(node) ? node.value : undefined;
  if (typeof value !== 'string') {
    const written = isScalar(node) && typeof value === 'number' ? ` a unit is missing in ${node.source ?? value}` : '';
    const got = isEmpty(node)
      ? 'has no value'
      : `must be ${form}${written === '' ? `, not ${describeNode(node)}` : `;${written}`}`;
    reader.report(node, field, got);
    return undefined;
  }
  const parsed = parse(value);
  if (typeof parsed !== 'string') return parsed;
  reader.report(node, field, parsed);
  return undefined;
}

function parseTimestamp(text: string) {
  try {
    return fromJson(TimestampSchema, text);
  } catch {
    return `${JSON.stringify(text)} is not a time; write it like 2027-01-01T00:00:00Z`;
  }
}

function isEmpty(node: Node): boolean {
  return isScalar(node) && node.value === null;
}
