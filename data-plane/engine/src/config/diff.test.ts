import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseManifests } from '../manifest/parse-manifests.ts';
import { arbitraryResource } from '../manifest/testdata/arbitrary-resource.ts';
import { diffResources } from './diff.ts';
import { encodeResource } from './encode.ts';
import { parseFieldPath } from './field-path.ts';

const read = (text: string) => parseManifests(text, { file: 'x.yaml' }).documents[0]!.resource;

const before = read(`
kind: Route
name: r
labels: { team: a }
spec:
  hosts: [a.io]
  match: [{ path: { prefix: /a }, headers: { x-a: { exact: "1" } } }]
  service: s
  timeout: 3s
  requestBody: { set: { v: { a: 1, b: 2 } } }
`);

test('differences are told field by field, as manifests write them', () => {
  const after = read(`
kind: Route
name: r
labels: { team: b, tier: gold }
spec:
  hosts: [b.io, a.io]
  match: [{ path: { exact: /a }, headers: { x-a: { exact: "2" } } }, { methods: [GET] }]
  service: s
  retry: { attempts: 2 }
  requestBody: { set: { v: { b: 2, a: 1 } } }
`);
  expect(diffResources(before, after)).toEqual([
    { field: 'labels["team"]', before: 'a', after: 'b' },
    { field: 'labels["tier"]', before: undefined, after: 'gold' },
    { field: 'spec.hosts', before: ['a.io'], after: ['b.io', 'a.io'] },
    { field: 'spec.match[0].path.exact', before: undefined, after: '/a' },
    { field: 'spec.match[0].path.prefix', before: '/a', after: undefined },
    { field: 'spec.match[0].headers["x-a"].exact', before: '1', after: '2' },
    { field: 'spec.match[1]', before: undefined, after: { methods: ['GET'] } },
    { field: 'spec.timeout', before: '3s', after: undefined },
    { field: 'spec.retry', before: undefined, after: { attempts: 2 } },
  ]);
});

test('a resource that is made or removed differs as a whole', () => {
  const group = read('{ kind: NodeGroup, name: eu, spec: {} }');
  const written = { kind: 'NodeGroup', name: 'eu', spec: {} };
  expect(diffResources(undefined, group)).toEqual([{ field: '', before: undefined, after: written }]);
  expect(diffResources(group, undefined)).toEqual([{ field: '', before: written, after: undefined }]);
  expect(diffResources(undefined, undefined)).toEqual([]);
});

test('there are differences exactly where the stored bytes differ, but for secrets', () => {
  fc.assert(
    fc.property(arbitraryResource, arbitraryResource, (a, b) => {
      expect(diffResources(a, a)).toEqual([]);
      fc.pre(a.spec.case === b.spec.case && a.spec.case !== 'issuer' && a.spec.case !== 'certificate');
      const other = { ...b, name: a.name };
      const same = Buffer.compare(encodeResource(a), encodeResource(other)) === 0;
      const found = diffResources(a, other);
      expect(found.length === 0).toBe(same);
      for (const { field } of found) expect(parseFieldPath(field), field).toBeDefined();
    }),
    { numRuns: 300 },
  );
});

test('a key that every object has is one like any other', () => {
  const claims = (name: string) =>
    read(
      `kind: Policy\nname: p\nspec: { authorization: { claims: { ${name}: [a] } } }\nlabels: { ${name.toLowerCase()}: x }\n`,
    );
  expect(diffResources(claims('valueOf'), claims('constructor'))).toEqual([
    { field: 'labels["constructor"]', before: undefined, after: 'x' },
    { field: 'labels["valueof"]', before: 'x', after: undefined },
    { field: 'spec.authorization.claims["constructor"]', before: undefined, after: ['a'] },
    { field: 'spec.authorization.claims["valueOf"]', before: ['a'], after: undefined },
  ]);
});
