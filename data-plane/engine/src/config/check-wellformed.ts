import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { type Duration, DurationSchema, ValueSchema } from '@bufbuild/protobuf/wkt';
import type { Resource } from '@sluice/proto';
import { formatMapKey, joinPath } from './field-path.ts';
import { kindOf, specFieldOf } from './kind.ts';
import { getField } from './message-fields.ts';
import type { Report } from './problem.ts';

/**
 * Reports what protobuf lets through but manifests cannot say: fields this version does not know, text that is not Unicode, durations
 * that are not normalized, JSON values that are empty, not finite or too deep.
 */
export function checkWellFormed(resource: Resource, report: Report): void {
  if (hasUnknown(resource)) report({ field: '', message: UNKNOWN });
  for (const [key, value] of Object.entries(resource.labels)) {
    if (!value.isWellFormed()) report({ field: `labels${formatMapKey(key)}`, message: NOT_UNICODE });
  }
  checkMessage(specFieldOf(kindOf(resource)).message, resource.spec.value as Message, 'spec', 0, report);
}

const UNKNOWN = 'holds fields that this version does not know';
const NOT_UNICODE = 'is not well-formed Unicode';
const MAX_DEPTH = 32;

function checkMessage(desc: DescMessage, message: Message, path: string, depth: number, report: Report): void {
  if (hasUnknown(message)) report({ field: path, message: UNKNOWN });
  if (depth > MAX_DEPTH) {
    report({ field: path, message: `is nested more than ${MAX_DEPTH} levels deep` });
    return;
  }
  if (desc.typeName === DurationSchema.typeName) {
    checkDuration(message as Duration, path, report);
    return;
  }
  const isValue = desc.typeName === ValueSchema.typeName;
  if (isValue && (message as unknown as { kind: { case?: string } }).kind.case === undefined) {
    report({ field: path, message: 'has no value' });
  }
  for (const field of desc.fields) {
    const value = getField(message, field);
    if (value === undefined) continue;
    const at = field.parent.typeName.startsWith('google.') ? path : joinPath(path, field.jsonName);
    checkField(field, value, at, depth + 1, report);
  }
}

function checkField(field: DescField, value: unknown, path: string, depth: number, report: Report): void {
  if (field.fieldKind === 'list') {
    (value as readonly unknown[]).forEach((item, index) => {
      checkOne(field, item, `${path}[${index}]`, depth, report);
    });
  } else if (field.fieldKind === 'map') {
    for (const [key, item] of Object.entries(value as object)) {
      const at = path + formatMapKey(key);
      if (!key.isWellFormed()) report({ field: at, message: `the key ${NOT_UNICODE}` });
      if (key === '__proto__') report({ field: at, message: '"__proto__" cannot be a key' });
      checkOne(field, item, at, depth, report);
    }
  } else checkOne(field, value, path, depth, report);
}

function checkOne(field: DescField, value: unknown, path: string, depth: number, report: Report): void {
  if (field.message !== undefined) checkMessage(field.message, value as Message, path, depth, report);
  else if (typeof value === 'string' && !value.isWellFormed()) report({ field: path, message: NOT_UNICODE });
  else if (typeof value === 'number' && !Number.isFinite(value)) report({ field: path, message: 'is not a number' });
}

function checkDuration({ seconds, nanos }: Duration, path: string, report: Report): void {
  const agree = seconds === 0n || nanos === 0 || seconds > 0n === nanos > 0;
  if (Math.abs(nanos) > 999_999_999 || !agree) report({ field: path, message: 'is not a normalized duration' });
}

function hasUnknown(message: Message): boolean {
  return message.$unknown !== undefined && message.$unknown.length > 0;
}
