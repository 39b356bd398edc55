import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { DurationSchema, TimestampSchema, ValueSchema } from '@bufbuild/protobuf/wkt';
import { ByteSizeSchema, DataSourceSchema, SecretSchema, StringListSchema } from '@sluice/proto';

/** How manifests write a message: field by field, or in a form of its own. */
export type Notation = 'fields' | 'duration' | 'byteSize' | 'stringList' | 'timestamp' | 'json' | 'source';

export function notationOf(desc: DescMessage): Notation {
  return NOTATIONS.get(desc.typeName) ?? 'fields';
}

/** A field by the name manifests write. */
export function fieldsByName(desc: DescMessage): ReadonlyMap<string, DescField> {
  const known = FIELDS.get(desc);
  if (known !== undefined) return known;
  const fields = new Map(desc.fields.map((field) => [field.jsonName, field]));
  FIELDS.set(desc, fields);
  return fields;
}

const NOTATIONS: ReadonlyMap<string, Notation> = new Map([
  [DurationSchema.typeName, 'duration'],
  [ByteSizeSchema.typeName, 'byteSize'],
  [StringListSchema.typeName, 'stringList'],
  [TimestampSchema.typeName, 'timestamp'],
  [ValueSchema.typeName, 'json'],
  [DataSourceSchema.typeName, 'source'],
  [SecretSchema.typeName, 'source'],
]);
const FIELDS = new Map<DescMessage, ReadonlyMap<string, DescField>>();
