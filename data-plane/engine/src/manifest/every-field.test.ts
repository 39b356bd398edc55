import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DescMessage, Message } from '@bufbuild/protobuf';
import type { Resource } from '@sluice/proto';
import { describe, expect, test } from 'vitest';
import { supportedFields } from '../config/check-supported.ts';
import { compileSnapshot } from '../config/config-index.ts';
import { kindOf, specFieldOf } from '../config/kind.ts';
import { getField } from '../config/message-fields.ts';
import { parseManifests } from './parse-manifests.ts';
import { printManifests } from './print-manifest.ts';

const text = readFileSync(join(import.meta.dirname, 'testdata', 'every-field.yaml'), 'utf8');
const readSource = (kind: string, reference: string) => `${kind} ${reference}`;
const { documents, problems } = parseManifests(text, { file: 'every-field.yaml', readSource });

describe('manifests that write every field', () => {
  test('are read', () => {
    expect(problems).toEqual([]);
    expect(documents).toHaveLength(21);
  });

  test('leave out no field of any kind', () => {
    const written = new Set<string>();
    for (const { resource } of documents) {
      const { message } = specFieldOf(kindOf(resource));
      collectFields(message, resource.spec.value as Message, written);
    }
    const fields = supportedFields([]).filter((field) => !field.startsWith('sluice.config.v1.Resource.'));
    expect(fields.filter((field) => !written.has(field))).toEqual([]);
  });

  test('are right where everything is supported', () => {
    const resources = documents.map(({ resource }) => resource);
    const found = compileSnapshot(resources, { unsupported: [] }).problems;
    expect(found.map(({ kind, name, field, message }) => `${kind}/${name} ${field}: ${message}`)).toEqual([]);
  });

  test('print to manifests that say the same', () => {
    const again = parseManifests(printManifests(documents.map(({ resource }) => resource)), { file: 'again.yaml' });
    expect(again.problems).toEqual([]);
    expect(again.documents.map(withoutPositions)).toEqual(documents.map(withoutPositions));
  });
});

function collectFields(desc: DescMessage, message: Message, written: Set<string>): void {
  for (const field of desc.fields) {
    const value = getField(message, field);
    if (value === undefined) continue;
    written.add(`${desc.typeName}.${field.name}`);
    if (field.message === undefined) continue;
    const items = field.fieldKind === 'message' ? [value] : Object.values(value as object);
    for (const item of items) collectFields(field.message, item as Message, written);
  }
}

function withoutPositions({ resource }: { resource: Resource }): Resource {
  return resource;
}
