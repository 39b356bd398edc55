import type { DescField } from '@bufbuild/protobuf';
import { type Resource, ResourceSchema } from '@sluice/proto';

/** The kinds of configuration, as manifests write them. */
export type Kind = 'Listener' | 'Certificate' | 'Service' | 'Consumer' | 'Issuer' | 'Policy' | 'Route' | 'NodeGroup';

/** What a resource is identified by. */
export type ResourceKey = `${Kind}/${string}`;

/** The case of a resource's spec. */
type SpecCase = Exclude<Resource['spec']['case'], undefined>;

const KIND_OF_CASE: Readonly<Record<SpecCase, Kind>> = {
  listener: 'Listener',
  certificate: 'Certificate',
  service: 'Service',
  consumer: 'Consumer',
  issuer: 'Issuer',
  policy: 'Policy',
  route: 'Route',
  nodeGroup: 'NodeGroup',
};

/** Every kind, in the order they are declared. */
export const KINDS: readonly Kind[] = Object.values(KIND_OF_CASE);

/** The resource's kind. Throws where it has no spec: such a resource never gets past decoding. */
export function kindOf(resource: Resource): Kind {
  if (resource.spec.case === undefined) throw new TypeError(`the resource "${resource.name}" has no spec`);
  return KIND_OF_CASE[resource.spec.case];
}

export function keyOf(resource: Resource): ResourceKey {
  return `${kindOf(resource)}/${resource.name}`;
}

/** Kind and name of a key. Throws where the text is no key. */
export function parseKey(key: string): { readonly kind: Kind; readonly name: string } {
  const slash = key.indexOf('/');
  const kind = key.slice(0, slash);
  if (!isKind(kind)) throw new TypeError(`"${key}" is no resource key`);
  return { kind, name: key.slice(slash + 1) };
}

export function isKind(text: string): text is Kind {
  return KINDS.some((kind) => kind === text);
}

/** The field of the envelope that holds the spec of a kind. */
export function specFieldOf(kind: Kind): DescField & { fieldKind: 'message' } {
  return SPEC_FIELDS.get(kind)!;
}

const SPEC_FIELDS = readSpecFields();

function readSpecFields(): ReadonlyMap<Kind, DescField & { fieldKind: 'message' }> {
  const fields = new Map<Kind, DescField & { fieldKind: 'message' }>();
  for (const field of ResourceSchema.fields) {
    if (field.oneof?.localName !== 'spec' || field.fieldKind !== 'message') continue;
    fields.set(field.message.name as Kind, field);
  }
  return fields;
}
