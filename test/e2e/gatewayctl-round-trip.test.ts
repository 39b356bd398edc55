import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { supportedFields } from '@sluice/engine';
import { parseManifests } from '@sluice/engine/manifest';
import { ResourceSchema } from '@sluice/proto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';

const path = join(import.meta.dirname, 'testdata', 'every-supported-field.yaml');
const { documents } = parseManifests(readFileSync(path, 'utf8'), { file: path });

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
  await plane.ctlOk(['apply', '--strict', '-f', path]);
});
afterAll(() => plane?.[Symbol.asyncDispose]());

test('the manifests write every field that this version enforces', () => {
  // Exports write this one; a control plane without the secret refuses it.
  const written = new Set(['sluice.config.v1.Secret.unchanged']);
  for (const { resource } of documents) collectFields(reflect(ResourceSchema, resource), written);
  expect(supportedFields().filter((field) => !written.has(field))).toEqual([]);
});

describe('what is printed changes nothing when it is applied', () => {
  const unchanged = 'nothing to change; the revision is 1\n';

  test.each(['export', 'export -o json', 'get all -o yaml', 'get all -o json'])('%s', async (command) => {
    const text = await plane.ctlOk(command.split(' '));
    expect(await plane.apply(text)).toBe(unchanged);
    // The whole of it: all else would be deleted.
    expect(await plane.apply(text, '--prune', '--label', 'team=stores', '--dry-run')).toBe(unchanged);
    expect(parseManifests(text, { file: 'printed' }).documents).toHaveLength(documents.length);
    // Nothing in it acts on a terminal.
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });

  test('each resource by itself', async () => {
    const texts = await Promise.all(
      documents.map(({ kind, name }) => plane.ctlOk(['get', kind, name, '-o', name < 'p' ? 'json' : 'yaml'])),
    );
    expect(await plane.apply(texts.join('---\n'))).toBe(unchanged);
  });

  test('into an empty control plane it makes the same configuration', async () => {
    // Secrets are no part of exports, and only the same key makes the same of them.
    await using other = await startControlPlane({ args: ['--secret-key-file', join(plane.dataDir, 'secret.key')] });
    const exported = await plane.ctlOk(['export']);
    const whole = exported.replace(
      /unchanged: \S+/g,
      'inline: a secret shared with the stores, of sixty-four bytes or somewhat more',
    );
    expect(whole).not.toBe(exported);
    await other.apply(whole);
    const digests = await Promise.all(
      [plane, other].map(async (each) => JSON.parse(await each.ctlOk(['history', '-o', 'json']))[0].digest as string),
    );
    expect(digests[0]).toBe(digests[1]);
    expect(await other.ctlOk(['export'])).toBe(await plane.ctlOk(['export']));
  });
});

function collectFields(message: ReflectMessage, written: Set<string>): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    written.add(`${message.desc.typeName}.${field.name}`);
    for (const below of messagesOf(message, field)) collectFields(below, written);
  }
}

function messagesOf(
  message: ReflectMessage,
  field: DescField & { message?: DescMessage | undefined },
): ReflectMessage[] {
  switch (field.fieldKind) {
    case 'message':
      return [message.get(field)];
    case 'list':
      return field.listKind === 'message' ? ([...message.get(field)] as ReflectMessage[]) : [];
    case 'map':
      return field.mapKind === 'message' ? ([...message.get(field)].map(([, value]) => value) as ReflectMessage[]) : [];
    default:
      return [];
  }
}
