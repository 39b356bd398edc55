import { type DescField, type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { type Resource, ResourceSchema } from '@sluice/proto';
import { fieldsLeadingTo, getField, withFields } from './message-fields.ts';

/**
 * The stored bytes of a resource: what is hashed, shipped and kept. Canonical: two resources of equal meaning have equal bytes,
 * whatever the order in which map entries were put in. Lists stay as written.
 */
export function encodeResource(resource: Resource): Uint8Array<ArrayBuffer> {
  return toBinary(ResourceSchema, sortMaps(ResourceSchema, resource) as Resource);
}

/** Reads stored bytes. Throws where they do not decode. Fields this version does not know are kept. */
export function decodeResource(bytes: Uint8Array): Resource {
  return fromBinary(ResourceSchema, bytes);
}

const fieldsWithMaps = fieldsLeadingTo((field) => field.fieldKind === 'map');

/** The message itself where its maps are in order already, else a copy of what leads to those that are not. */
function sortMaps(desc: DescMessage, message: Message): Message {
  let replaced: Map<DescField, unknown> | undefined;
  for (const field of fieldsWithMaps(desc)) {
    const value = getField(message, field);
    if (value === undefined) continue;
    const sorted = sortValue(field, value);
    if (sorted !== value) replaced = (replaced ?? new Map<DescField, unknown>()).set(field, sorted);
  }
  return replaced === undefined ? message : withFields(message, replaced);
}

function sortValue(field: DescField, value: unknown): unknown {
  const desc = field.message;
  switch (field.fieldKind) {
    case 'message':
      return sortMaps(field.message, value as Message);
    case 'list':
      return desc === undefined ? value : mapChanged(value as readonly Message[], (item) => sortMaps(desc, item));
    case 'map':
      return sortMap(desc, value as Readonly<Record<string, unknown>>);
    default:
      return value;
  }
}

function sortMap(desc: DescMessage | undefined, map: Readonly<Record<string, unknown>>): unknown {
  const keys = Object.keys(map);
  const values = keys.map((key) => map[key]);
  const sortedValues =
    desc === undefined ? values : mapChanged(values as readonly Message[], (value) => sortMaps(desc, value));
  if (sortedValues === values && isSorted(keys)) return map;
  const order = keys.map((_, index) => index).sort((a, b) => (keys[a]! < keys[b]! ? -1 : 1));
  return Object.fromEntries(order.map((index) => [keys[index]!, sortedValues[index]]));
}

function mapChanged<T>(items: readonly T[], change: (item: T) => T): readonly T[] {
  const changed = items.map(change);
  return changed.every((item, index) => item === items[index]) ? items : changed;
}

function isSorted(keys: readonly string[]): boolean {
  return keys.every((key, index) => index === 0 || keys[index - 1]! < key);
}
