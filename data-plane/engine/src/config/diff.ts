import type { DescField, DescMessage, JsonValue, Message } from '@bufbuild/protobuf';
import { type Resource, ResourceSchema } from '@sluice/proto';
import { notationOf } from '../manifest/notation.ts';
import { toManifestValue, writeField, writeOne } from '../manifest/to-manifest-value.ts';
import { formatMapKey, joinPath } from './field-path.ts';
import { kindOf, specFieldOf } from './kind.ts';
import { getField } from './message-fields.ts';
import { redact } from './secrets.ts';

/** One difference, in values as manifests write them; undefined where there is nothing on that side. */
export interface FieldDifference {
  /** Empty: the resource as a whole. */
  readonly field: string;
  readonly before: JsonValue | undefined;
  readonly after: JsonValue | undefined;
}

/**
 * What differs between two versions of a resource, as deep as it can be told: entries of maps by key, lists of messages by place,
 * other lists as a whole. Secrets that are written out are not shown.
 */
export function diffResources(before: Resource | undefined, after: Resource | undefined): readonly FieldDifference[] {
  const [old, now] = [before && redact(before), after && redact(after)];
  if (old === undefined || now === undefined || kindOf(old) !== kindOf(now)) {
    return old === now ? [] : [{ field: '', before: old && toManifestValue(old), after: now && toManifestValue(now) }];
  }
  const { labels, nodeGroups } = ResourceSchema.field;
  return [
    ...diffField(labels, old, now, 'labels'),
    ...diffField(nodeGroups, old, now, 'nodeGroups'),
    ...diffFields(specFieldOf(kindOf(now)).message, old.spec.value as Message, now.spec.value as Message, 'spec'),
  ];
}

function diffFields(desc: DescMessage, old: Message, now: Message, path: string): FieldDifference[] {
  return desc.fields.flatMap((field) => diffField(field, old, now, joinPath(path, field.jsonName)));
}

function diffField(field: DescField, old: Message, now: Message, path: string): FieldDifference[] {
  const [before, after] = [getField(old, field), getField(now, field)];
  if (before === undefined || after === undefined) {
    const write = (value: unknown) => (value === undefined ? undefined : writeField(field, value));
    return diffWritten(write(before), write(after), path);
  }
  if (field.fieldKind === 'map') return diffMaps(field, before as Entries, after as Entries, path);
  if (field.fieldKind !== 'list') return diffOne(field, before, after, path);
  const [items, others] = [before as readonly unknown[], after as readonly unknown[]];
  if (field.message === undefined) return diffWritten(writeField(field, items), writeField(field, others), path);
  const longer = items.length > others.length ? items : others;
  return longer.flatMap((_, i) => diffOne(field, items[i], others[i], `${path}[${i}]`));
}

type Entries = Readonly<Record<string, unknown>>;

function diffMaps(field: DescField, before: Entries, after: Entries, path: string): FieldDifference[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  // Never what objects inherit: a claim may be called `constructor`.
  const own = (entries: Entries, key: string) => (Object.hasOwn(entries, key) ? entries[key] : undefined);
  return [...keys].sort().flatMap((key) => diffOne(field, own(before, key), own(after, key), path + formatMapKey(key)));
}

/** Two values of a field, or two items of its list or map. */
function diffOne(field: DescField, before: unknown, after: unknown, path: string): FieldDifference[] {
  const desc = field.message;
  if (desc !== undefined && before !== undefined && after !== undefined && notationOf(desc) === 'fields') {
    return diffFields(desc, before as Message, after as Message, path);
  }
  const write = (value: unknown) => (value === undefined ? undefined : writeOne(field, value));
  return diffWritten(write(before), write(after), path);
}

function diffWritten(before: JsonValue | undefined, after: JsonValue | undefined, field: string): FieldDifference[] {
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ field, before, after }];
}
