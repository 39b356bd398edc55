import { create, type DescField } from '@bufbuild/protobuf';
import { type Resource, ResourceSchema } from '@sluice/proto';
import { isMap, isScalar, type Node, type YAMLMap } from 'yaml';
import { joinPath } from '../config/field-path.ts';
import { isKind, KINDS, type Kind, specFieldOf } from '../config/kind.ts';
import { entryValue, readKey } from './read-key.ts';
import { readField, readMessage } from './read-message.ts';
import { describeNode, didYouMean, plainText, readScalar } from './read-scalar.ts';
import type { Reader } from './reader.ts';

/** What a document says it is; the resource as far as it can be read, where it has a name and a spec at all. */
export interface ReadManifest {
  readonly kind: string;
  readonly name: string;
  readonly resource: Resource | undefined;
}

/** Reads the envelope of a resource: kind, name, labels, nodeGroups and spec. */
export function readManifest(reader: Reader, written: Node): ReadManifest {
  const node = reader.follow(written, '');
  if (node === undefined || !isMap(node)) {
    if (node !== undefined) reader.report(node, '', 'must be a map with kind, name and spec');
    return { kind: '', name: '', resource: undefined };
  }
  const entries = readEntries(reader, node);
  const kind = readKind(reader, node, entries.get('kind'));
  const text = readText(reader, node, ResourceSchema.field.name, entries.get('name'));
  const name = text ?? plainText(entries.get('name'));
  const labels = readOptional(reader, ResourceSchema.field.labels, entries.get('labels'));
  const nodeGroups = readOptional(reader, ResourceSchema.field.nodeGroups, entries.get('nodeGroups'));
  const spec = kind && readSpec(reader, node, kind, entries.get('spec'));
  return {
    kind: kind ?? plainText(entries.get('kind')),
    name,
    resource:
      (text === undefined && name === '') || spec === undefined
        ? undefined
        : create(ResourceSchema, {
            name,
            ...(labels === undefined ? {} : { labels: labels as Record<string, string> }),
            ...(nodeGroups === undefined ? {} : { nodeGroups: nodeGroups as string[] }),
            spec,
          }),
  };
}

const ENVELOPE = ['kind', 'name', 'labels', 'nodeGroups', 'spec'] as const;
type EnvelopeField = (typeof ENVELOPE)[number];

function readEntries(reader: Reader, node: YAMLMap): ReadonlyMap<EnvelopeField, Node> {
  const entries = new Map<EnvelopeField, Node>();
  const seen: Record<string, true> = {};
  for (const pair of node.items) {
    const key = pair.key as Node;
    const text = readKey(reader, key, '', seen, joinPath);
    if (text === undefined) continue;
    seen[text] = true;
    const name = ENVELOPE.find((each) => each === text);
    if (name !== undefined) entries.set(name, entryValue(pair));
    else {
      const fault = { message: `unknown field "${text}"`, remedy: explainUnknown(text), fields: ENVELOPE };
      reader.reportKey(key, '', text, fault);
    }
  }
  return entries;
}

function explainUnknown(text: string): string {
  if (text === 'metadata') return 'write name and labels beside kind';
  if (text === 'apiVersion') return 'remove it: manifests have no version';
  return didYouMean(text, ENVELOPE) ?? `a resource has ${ENVELOPE.join(', ')}; everything else is below spec`;
}

function readKind(reader: Reader, node: Node, written: Node | undefined): Kind | undefined {
  const value = written && reader.follow(written, 'kind');
  if (value === undefined) {
    if (written === undefined) reader.report(node, 'kind', 'is needed', `one of ${KINDS.join(', ')}`);
    return undefined;
  }
  const kind = isScalar(value) ? value.value : undefined;
  if (typeof kind === 'string' && isKind(kind)) return kind;
  if (kind === 'ApiKey') {
    reader.report(value, 'kind', 'an ApiKey is not applied from a manifest', 'make it with: gatewayctl keys create');
  } else {
    const remedy = didYouMean(String(kind), KINDS) ?? `it is one of ${KINDS.join(', ')}`;
    const message = isScalar(value)
      ? `unknown kind ${describeNode(value)}`
      : `must be one word, not ${describeNode(value)}`;
    reader.report(value, 'kind', message, remedy);
  }
  return undefined;
}

function readText(reader: Reader, node: Node, field: DescField, written: Node | undefined): string | undefined {
  const value = written && reader.follow(written, field.name);
  if (written === undefined) reader.report(node, field.name, 'is needed');
  return value && (readScalar(reader, field, value, field.name) as string | undefined);
}

function readOptional(reader: Reader, field: DescField, written: Node | undefined): unknown {
  return written && readField(reader, field, written, field.jsonName);
}

function readSpec(reader: Reader, node: Node, kind: Kind, written: Node | undefined): Resource['spec'] | undefined {
  if (written === undefined) {
    reader.report(node, 'spec', 'is needed', 'write spec: {} where every default is right');
    return undefined;
  }
  const field = specFieldOf(kind);
  const value = readMessage(reader, field.message, written, 'spec');
  return value && ({ case: field.localName, value } as Resource['spec']);
}
