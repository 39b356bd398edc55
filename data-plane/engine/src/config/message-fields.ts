import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';

/**
 * The value of a field, as it stands in the message; undefined where the field is not set. A list or map that is empty and a field
 * without presence that has its zero value are not set.
 */
export function getField(message: Message, field: DescField): unknown {
  const members = message as unknown as Readonly<Record<string, unknown>>;
  if (field.oneof !== undefined) {
    const chosen = members[field.oneof.localName] as { readonly case: string | undefined; readonly value?: unknown };
    return chosen.case === field.localName ? chosen.value : undefined;
  }
  const value = members[field.localName];
  return value === undefined || isZero(field, value) ? undefined : value;
}

/** A copy of the message with some fields replaced. */
export function withFields(message: Message, replaced: ReadonlyMap<DescField, unknown>): Message {
  const copy = Object.assign(Object.create(Object.getPrototypeOf(message) as object), message) as Record<
    string,
    unknown
  >;
  for (const [field, value] of replaced) {
    if (field.oneof === undefined) copy[field.localName] = value;
    else copy[field.oneof.localName] = { case: field.localName, value };
  }
  return copy as unknown as Message;
}

/** The fields of a message that hold, themselves or anywhere below, a field that is looked for. Found once per message and purpose. */
export function fieldsLeadingTo(looked: (field: DescField) => boolean): (desc: DescMessage) => readonly DescField[] {
  const found = new Map<DescMessage, readonly DescField[]>();
  const leads = (desc: DescMessage, seen: ReadonlySet<DescMessage>): boolean => {
    if (seen.has(desc)) return false;
    const deeper = new Set(seen).add(desc);
    return desc.fields.some((field) => looked(field) || (field.message !== undefined && leads(field.message, deeper)));
  };
  return (desc) => {
    const known = found.get(desc);
    if (known !== undefined) return known;
    const fields = desc.fields.filter(
      (field) => looked(field) || (field.message !== undefined && leads(field.message, new Set())),
    );
    found.set(desc, fields);
    return fields;
  };
}

function isZero(field: DescField, value: unknown): boolean {
  switch (field.fieldKind) {
    case 'list':
      return (value as readonly unknown[]).length === 0;
    case 'map':
      for (const _ in value as object) return false;
      return true;
    case 'message':
      return false;
    case 'enum':
    case 'scalar':
      return field.presence === IMPLICIT && isZeroScalar(value);
    default:
      return field satisfies never;
  }
}

/** `IMPLICIT` of google.protobuf.FeatureSet.FieldPresence. */
const IMPLICIT = 2;

function isZeroScalar(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.length === 0;
  return value === '' || value === false || value === 0n || Object.is(value, 0);
}
