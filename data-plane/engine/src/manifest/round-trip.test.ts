import type { Resource } from '@sluice/proto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeResource } from '../config/encode.ts';
import { fromManifestValue } from './from-manifest-value.ts';
import { parseManifests } from './parse-manifests.ts';
import { printManifest, printManifests } from './print-manifest.ts';
import { arbitraryResource } from './testdata/arbitrary-resource.ts';
import { toManifestValue } from './to-manifest-value.ts';

describe('a resource', () => {
  test('printed as YAML parses back to an equal resource', () => {
    fc.assert(
      fc.property(arbitraryResource, (resource) => {
        expectSame(parseOne(printManifest(resource)), resource);
      }),
      { numRuns: 400 },
    );
  });

  test('printed as JSON parses back to an equal resource, as YAML and as a value', () => {
    fc.assert(
      fc.property(arbitraryResource, (resource) => {
        const text = JSON.stringify(toManifestValue(resource));
        expectSame(parseOne(text), resource);
        const { resource: read, problems } = fromManifestValue(JSON.parse(text)) as {
          resource: Resource;
          problems?: [];
        };
        expect(problems).toBeUndefined();
        expectSame(read, resource);
      }),
      { numRuns: 300 },
    );
  });

  test('prints the same text whatever the order its maps were filled in', () => {
    fc.assert(
      fc.property(arbitraryResource, (resource) => {
        expect(printManifest(reverseMaps(resource))).toBe(printManifest(resource));
      }),
      { numRuns: 200 },
    );
  });
});

test('several resources print as documents of one text', () => {
  fc.assert(
    fc.property(fc.uniqueArray(arbitraryResource, { selector: nameOf, maxLength: 4 }), (resources) => {
      const { documents, problems } = parseManifests(printManifests(resources), { file: 'all.yaml' });
      expect(problems).toEqual([]);
      expect(documents.map(nameOf)).toEqual(resources.map(nameOf));
    }),
    { numRuns: 50 },
  );
});

test('a list in JSON is read as its resources, each with its place', () => {
  const text = JSON.stringify(
    [{ kind: 'NodeGroup', name: 'a' }, 5, { kind: 'NodeGroup', name: 'b', spec: {} }],
    null,
    1,
  );
  const { documents, problems } = parseManifests(text, { file: 'all.json' });
  expect(documents.map((document) => [document.name, document.lineOf('name')])).toEqual([['b', 9]]);
  expect(problems.map(({ line, message }) => [line, message])).toEqual([
    [2, 'is needed'],
    [6, 'must be a map with kind, name and spec'],
  ]);
  expect(parseManifests('[]', { file: 'all.json' })).toEqual({ documents: [], partial: [], problems: [] });
});

function parseOne(text: string): Resource {
  const { documents, problems } = parseManifests(text, { file: 'one.yaml' });
  expect(problems).toEqual([]);
  expect(documents).toHaveLength(1);
  return documents[0]!.resource;
}

function expectSame(actual: Resource, expected: Resource): void {
  expect(Buffer.from(encodeResource(actual)).toString('hex')).toBe(
    Buffer.from(encodeResource(expected)).toString('hex'),
  );
}

function nameOf(named: Resource | { resource: Resource }): string {
  const resource = 'resource' in named ? named.resource : named;
  return `${resource.spec.case}/${resource.name}`;
}

function reverseMaps<T>(value: T): T {
  if (Array.isArray(value)) return value.map(reverseMaps) as T;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, reverseMaps(item)] as const);
  return Object.fromEntries('$typeName' in value ? entries : entries.reverse()) as T;
}
