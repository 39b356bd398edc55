import { create, type DescField, type DescMessage, getOption, type Message } from '@bufbuild/protobuf';
import { type Resource, ResourceSchema, type Secret, SecretSchema, sensitive } from '@sluice/proto';
import { formatMapKey, joinPath } from './field-path.ts';
import { type Kind, specFieldOf } from './kind.ts';
import { fieldsLeadingTo, getField, withFields } from './message-fields.ts';

/** A secret of a resource: its text, or the fingerprint of what is stored for it. */
export type SecretField =
  | { readonly field: string; readonly inline: string }
  | { readonly field: string; readonly unchanged: string };

/** Keeps a secret's text and returns the fingerprint that takes its place: `sha256:` and 16 hexadecimal digits. */
export type Seal = (secret: { readonly field: string; readonly inline: string }) => string;

/** Whether resources of this kind may have secrets. */
export function mayHaveSecrets(kind: Kind): boolean {
  return fieldsWithSecrets(specFieldOf(kind).message).length > 0;
}

/** Where a secret is kept by: places in lists are left out, so it stays with its field when a list is put in another order. */
export function secretPlace(field: string): string {
  return field.replaceAll(/\[\d+\]/g, '[]');
}

/** The secrets of a resource, in the order of its fields. */
export function findSecrets(resource: Resource): readonly SecretField[] {
  const found: SecretField[] = [];
  replaceSecrets(resource, (secret, field) => {
    const { source } = secret;
    if (source.case === 'inline') found.push({ field, inline: source.value });
    if (source.case === 'unchanged') found.push({ field, unchanged: source.value });
    return secret;
  });
  return found;
}

/** The resource with the fingerprint in place of each secret that is written out; itself where there is none. */
export function sealSecrets(resource: Resource, seal: Seal): Resource {
  return replaceSecrets(resource, (secret, field) => {
    if (secret.source.case !== 'inline') return secret;
    return sealed(seal({ field, inline: secret.source.value }));
  });
}

/** The resource as it may be printed: secrets that are written out give way to a fingerprint that no secret has. */
export function redact(resource: Resource): Resource {
  return sealSecrets(resource, () => NO_FINGERPRINT);
}

const NO_FINGERPRINT = 'sha256:0000000000000000';

/** Fields marked sensitive stand in {@link Secret} only; a test holds that. */
const fieldsWithSecrets = fieldsLeadingTo((field) => getOption(field, sensitive));

type Replace = (secret: Secret, field: string) => Secret;

function sealed(fingerprint: string): Secret {
  return create(SecretSchema, { source: { case: 'unchanged', value: fingerprint } });
}

function replaceSecrets(resource: Resource, replace: Replace): Resource {
  return inMessage(ResourceSchema, resource, '', replace) as Resource;
}

function inMessage(desc: DescMessage, message: Message, path: string, replace: Replace): Message {
  if (desc.typeName === SecretSchema.typeName) return replace(message as Secret, path);
  let replaced: Map<DescField, unknown> | undefined;
  for (const field of fieldsWithSecrets(desc)) {
    const value = getField(message, field);
    if (value === undefined) continue;
    const name = field.oneof?.name === 'spec' && desc === ResourceSchema ? 'spec' : field.jsonName;
    const now = inField(field, value, joinPath(path, name), replace);
    if (now !== value) replaced = (replaced ?? new Map<DescField, unknown>()).set(field, now);
  }
  return replaced === undefined ? message : withFields(message, replaced);
}

function inField(field: DescField, value: unknown, path: string, replace: Replace): unknown {
  const desc = field.message;
  if (desc === undefined) return value;
  switch (field.fieldKind) {
    case 'list': {
      const items = value as readonly Message[];
      const now = items.map((item, i) => inMessage(desc, item, `${path}[${i}]`, replace));
      return now.every((item, i) => item === items[i]) ? items : now;
    }
    case 'map': {
      const entries = Object.entries(value as Readonly<Record<string, Message>>);
      const now = entries.map(
        ([key, item]) => [key, inMessage(desc, item, path + formatMapKey(key), replace)] as const,
      );
      return now.every(([, item], i) => item === entries[i]![1]) ? value : Object.fromEntries(now);
    }
    default:
      return inMessage(desc, value as Message, path, replace);
  }
}
