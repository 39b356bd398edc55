import { type DescField, type DescMessage, getOption, type JsonValue, type Message, toJson } from '@bufbuild/protobuf';
import { type Duration, type Timestamp, TimestampSchema, type Value, ValueSchema } from '@bufbuild/protobuf/wkt';
import { type ByteSize, numeric_text, type Resource, ResourceSchema, type StringList } from '@sluice/proto';
import { enumText } from '../config/enum-text.ts';
import { kindOf, specFieldOf } from '../config/kind.ts';
import { getField } from '../config/message-fields.ts';
import { formatByteSize } from './byte-size.ts';
import { formatDuration } from './duration.ts';
import { notationOf } from './notation.ts';

/** A resource as manifests write it. */
export type ManifestValue = {
  kind: string;
  name: string;
  labels?: Record<string, string>;
  nodeGroups?: string[];
  spec: JsonValue;
};

/**
 * A resource as manifests write it, ready for JSON: what is not set is absent, fields are in the order they are declared, maps in the
 * order of their keys.
 */
export function toManifestValue(resource: Resource): ManifestValue {
  const kind = kindOf(resource);
  const labels = getField(resource, ResourceSchema.field.labels);
  const nodeGroups = getField(resource, ResourceSchema.field.nodeGroups);
  return {
    kind,
    name: resource.name,
    ...(labels === undefined ? {} : { labels: sortKeys(labels as Record<string, string>) }),
    ...(nodeGroups === undefined ? {} : { nodeGroups: [...resource.nodeGroups] }),
    spec: writeMessage(specFieldOf(kind).message, resource.spec.value as Message),
  };
}

/** A message as manifests write it. */
function writeMessage(desc: DescMessage, message: Message): JsonValue {
  const notation = notationOf(desc);
  switch (notation) {
    case 'duration':
      return formatDuration(message as Duration);
    case 'byteSize':
      return formatByteSize(message as ByteSize);
    case 'stringList':
      return [...(message as StringList).values];
    case 'timestamp':
      return toJson(TimestampSchema, message as Timestamp);
    case 'json':
      return sortDeep(toJson(ValueSchema, message as Value));
    case 'source':
    case 'fields':
      return writeFields(desc, message);
    default:
      return notation satisfies never;
  }
}

function writeFields(desc: DescMessage, message: Message): JsonValue {
  const written: Record<string, JsonValue> = {};
  for (const field of desc.fields) {
    const value = getField(message, field);
    if (value !== undefined) written[field.jsonName] = writeField(field, value);
  }
  return written;
}

/** What a field holds, as manifests write it. */
export function writeField(field: DescField, value: unknown): JsonValue {
  if (field.fieldKind === 'list') return (value as readonly unknown[]).map((item) => writeOne(field, item));
  if (field.fieldKind !== 'map') return writeOne(field, value);
  const entries = Object.entries(sortKeys(value as Record<string, unknown>));
  return Object.fromEntries(entries.map(([key, item]) => [key, writeOne(field, item)]));
}

/** One value of a field, or one item of its list or map. */
export function writeOne(field: DescField, value: unknown): JsonValue {
  if (field.message !== undefined) return writeMessage(field.message, value as Message);
  if (field.enum !== undefined) {
    const known = field.enum.value[value as number];
    return known === undefined ? (value as number) : enumText(field.enum, known);
  }
  if (typeof value === 'string' && NUMERIC.test(value) && getOption(field, numeric_text)) return Number(value);
  return value as JsonValue;
}

/** Texts that read back as they are when they are written as numbers. */
const NUMERIC = /^[1-9]\d{0,8}$/;

function sortKeys<T>(map: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function sortDeep(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sortDeep);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(sortKeys(value)).map(([key, item]) => [key, sortDeep(item)]));
}
