import { create, type DescMessage, getOption } from '@bufbuild/protobuf';
import { type Resource, ResourceSchema, SecretSchema, sensitive } from '@sluice/proto';
import { expect, test } from 'vitest';
import { compileSnapshot } from './config-index.ts';
import { encodeResource } from './encode.ts';
import { findSecrets, redact, sealSecrets } from './secrets.ts';

const certificate = create(ResourceSchema, {
  name: 'c',
  spec: {
    case: 'certificate',
    value: {
      chain: { source: { case: 'inline', value: 'CHAIN' } },
      privateKey: { source: { case: 'inline', value: 'PRIVATE' } },
    },
  },
});

const issuer = create(ResourceSchema, {
  name: 'i',
  spec: {
    case: 'issuer',
    value: {
      issuer: 'https://login.example.com/',
      algorithms: ['HS256'],
      keySource: { case: 'secret', value: { source: { case: 'inline', value: 'SHARED' } } },
    },
  },
});

test('secrets are found by their marks in the descriptors', () => {
  expect(findSecrets(certificate)).toEqual([{ field: 'spec.privateKey', inline: 'PRIVATE' }]);
  expect(findSecrets(issuer)).toEqual([{ field: 'spec.secret', inline: 'SHARED' }]);
  expect(findSecrets(sealSecrets(issuer, () => 'sha256:0123456789abcdef'))).toEqual([
    { field: 'spec.secret', unchanged: 'sha256:0123456789abcdef' },
  ]);
});

test('sealed resources hold the fingerprint, are valid and say nothing of the secret', () => {
  const kept: string[] = [];
  const seal = ({ field, inline }: { field: string; inline: string }) => {
    kept.push(`${field} ${inline}`);
    return 'sha256:0123456789abcdef';
  };
  const sealed = [certificate, issuer].map((resource) => sealSecrets(resource, seal));
  expect(kept).toEqual(['spec.privateKey PRIVATE', 'spec.secret SHARED']);
  for (const resource of sealed) expect(bytesOf(resource)).not.toMatch(/PRIVATE|SHARED/);
  expect(compileSnapshot(sealed, { unsupported: [] }).problems).toEqual([]);
  expect(sealed.map((resource) => sealSecrets(resource, seal))).toEqual(sealed);
  expect(kept).toHaveLength(2);
  expect(bytesOf(certificate)).toContain('PRIVATE');
});

test('redacted resources say nothing of the secret and keep the rest', () => {
  expect(bytesOf(redact(certificate))).toContain('CHAIN');
  expect(bytesOf(redact(certificate))).not.toContain('PRIVATE');
  expect(findSecrets(redact(issuer))).toEqual([{ field: 'spec.secret', unchanged: 'sha256:0000000000000000' }]);
});

test('every field that is marked stands in a Secret', () => {
  const seen = new Set<DescMessage>();
  const marked: string[] = [];
  const visit = (desc: DescMessage): void => {
    if (seen.has(desc)) return;
    seen.add(desc);
    for (const field of desc.fields) {
      if (getOption(field, sensitive)) marked.push(field.parent.typeName);
      if (field.message !== undefined) visit(field.message);
    }
  };
  visit(ResourceSchema);
  expect(new Set(marked)).toEqual(new Set([SecretSchema.typeName]));
});

test('a message about a secret does not show it', () => {
  const tooLong = create(ResourceSchema, {
    name: 'i',
    spec: {
      case: 'issuer',
      value: {
        issuer: 'x',
        algorithms: ['HS256'],
        keySource: { case: 'secret', value: { source: { case: 'inline', value: 'S'.repeat(70_000) } } },
      },
    },
  });
  const { problems } = compileSnapshot([tooLong], { unsupported: [] });
  expect(problems).toHaveLength(1);
  expect(JSON.stringify(problems)).not.toContain('SSSS');
});

function bytesOf(resource: Resource): string {
  return Buffer.from(encodeResource(resource)).toString('latin1');
}
