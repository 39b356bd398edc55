import type { DescEnum, DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { type Resource, ResourceSchema } from '@sluice/proto';
import { enumText } from './enum-text.ts';
import { formatMapKey, joinPath } from './field-path.ts';
import { KINDS, kindOf, specFieldOf } from './kind.ts';
import { fieldsLeadingTo, getField } from './message-fields.ts';
import type { Report } from './problem.ts';
import { UNSUPPORTED, type UnsupportedTable } from './unsupported.ts';

/** Reports what a resource sets that the table names. */
export type SupportCheck = (resource: Resource, report: Report) => void;

/** Prepares the check of a table. Costs nothing per field that the table does not name. */
export function compileSupportCheck(table: UnsupportedTable): SupportCheck {
  const names = new Set(table);
  const concerns = (field: DescField) =>
    names.has(fieldName(field)) ||
    (field.enum?.values.some((value) => names.has(valueName(field.enum, value.name))) ?? false);
  const concernedFields = fieldsLeadingTo(concerns);

  const checkMessage = (desc: DescMessage, message: Message, path: string, report: Report): void => {
    for (const field of concernedFields(desc)) {
      const value = getField(message, field);
      if (value === undefined) continue;
      const at = joinPath(path, field.jsonName);
      if (names.has(fieldName(field))) report(notSupported(at, field.jsonName));
      else checkValue(field, value, at, report);
    }
  };

  const checkValue = (field: DescField, value: unknown, path: string, report: Report): void => {
    if (field.fieldKind === 'list') {
      (value as readonly unknown[]).forEach((item, index) => {
        checkOne(field, item, `${path}[${index}]`, report);
      });
    } else if (field.fieldKind === 'map') {
      for (const [key, item] of Object.entries(value as object)) {
        checkOne(field, item, path + formatMapKey(key), report);
      }
    } else checkOne(field, value, path, report);
  };

  const checkOne = (field: DescField, value: unknown, path: string, report: Report): void => {
    if (field.message !== undefined) checkMessage(field.message, value as Message, path, report);
    else if (field.enum !== undefined) {
      const known = field.enum.value[value as number];
      if (known !== undefined && names.has(valueName(field.enum, known.name))) {
        report(notSupported(path, `${field.jsonName} ${enumText(field.enum, known)}`));
      }
    }
  };

  return (resource, report) => {
    const kind = kindOf(resource);
    const { message } = specFieldOf(kind);
    if (names.has(message.typeName))
      report({ field: '', message: `the kind ${kind} is not supported by this version` });
    else checkMessage(message, resource.spec.value as Message, 'spec', report);
  };
}

/**
 * The full names of the fields that this version enforces: all that can be reached from a supported kind and that the table does not
 * name, in the order of the descriptors. Wrappers that manifests do not write out (durations, sizes, lists) are not descended into.
 */
export function supportedFields(table: UnsupportedTable = UNSUPPORTED): string[] {
  const names = new Set(table);
  const found = new Set<string>();
  const visit = (desc: DescMessage): void => {
    for (const field of desc.fields) {
      const name = fieldName(field);
      if (names.has(name) || found.has(name)) continue;
      found.add(name);
      if (field.message !== undefined && !isPlainValue(field.message)) visit(field.message);
    }
  };
  for (const field of ResourceSchema.fields) if (field.oneof === undefined) found.add(fieldName(field));
  for (const kind of KINDS) {
    const { message } = specFieldOf(kind);
    if (!names.has(message.typeName)) visit(message);
  }
  return [...found];
}

function isPlainValue({ typeName }: DescMessage): boolean {
  return typeName.startsWith('google.') || /\.(ByteSize|StringList)$/.test(typeName);
}

function notSupported(field: string, what: string) {
  return {
    field,
    message: `${what} is not supported by this version`,
    remedy: 'remove it; it would have no effect',
  };
}

function fieldName(field: DescField): string {
  return `${field.parent.typeName}.${field.name}`;
}

/** Enum values are named beside their enum, not below it. */
function valueName(desc: DescEnum, value: string): string {
  return desc.typeName.slice(0, desc.typeName.lastIndexOf('.') + 1) + value;
}
