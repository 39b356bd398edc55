import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { AuthSchema, PolicySchema, ResourceSchema, type RouteSchema } from '@sluice/proto';
import { expect, test } from 'vitest';
import { checkWellFormed } from './check-wellformed.ts';

const LONE = '\ud800';
const unknown = [{ no: 99, wireType: 0, data: new Uint8Array([1]) }];

function problems(resource: MessageInitShape<typeof ResourceSchema>): string[] {
  const found: string[] = [];
  checkWellFormed(create(ResourceSchema, resource), ({ field, message }) => found.push(`${field}: ${message}`));
  return found;
}
const policy = (value: MessageInitShape<typeof PolicySchema>, more: object = {}) =>
  problems({ name: 'p', ...more, spec: { case: 'policy', value } });
const route = (value: MessageInitShape<typeof RouteSchema>) => problems({ name: 'r', spec: { case: 'route', value } });

test('what protobuf lets through and manifests cannot say is a problem with its place', () => {
  expect(policy({ timeout: { seconds: 1n, nanos: 5 } })).toEqual([]);
  expect(policy({ timeout: { seconds: 1n, nanos: -5 } })).toEqual(['spec.timeout: is not a normalized duration']);
  expect(policy({ timeout: { seconds: 0n, nanos: 1_000_000_000 } })).toHaveLength(1);
  expect(policy({ accessLog: { sample: Number.NaN } })).toEqual(['spec.accessLog.sample: is not a number']);
  expect(policy({ none: ['auth', LONE] })).toEqual(['spec.none[1]: is not well-formed Unicode']);
  expect(policy({ requestHeaders: { set: { [LONE]: 'x' } } })[0]).toMatch(/: the key is not well-formed Unicode$/);
  expect(policy({}, { labels: { a: LONE } })[0]).toMatch(/^labels.*: is not well-formed Unicode$/);
});

test('fields that this version does not know are told where they are', () => {
  const said = 'holds fields that this version does not know';
  const auth = create(AuthSchema, {});
  const value = create(PolicySchema, { auth });
  const resource = create(ResourceSchema, { name: 'p', spec: { case: 'policy', value } });
  for (const message of [auth, value, resource]) message.$unknown = unknown;
  const found: string[] = [];
  checkWellFormed(resource, ({ field, message }) => found.push(`${field}: ${message}`));
  expect(found).toEqual([`: ${said}`, `spec: ${said}`, `spec.auth: ${said}`]);
});

test('JSON in a resource has a value, finite and not too deep', () => {
  const json = (kind: object) =>
    route({ respond: { status: 200, content: { case: 'json', value: { kind } } } } as never);
  expect(json({ case: 'numberValue', value: 1 })).toEqual([]);
  expect(json({ case: undefined })[0]).toMatch(/has no value$/);
  expect(json({ case: 'numberValue', value: Number.POSITIVE_INFINITY })[0]).toMatch(/is not a number$/);
  let nested: object = { case: 'nullValue', value: 0 };
  for (let i = 0; i < 40; i++) nested = { case: 'listValue', value: { values: [{ kind: nested }] } };
  expect(json(nested).some((text) => text.includes('is nested more than 32 levels deep'))).toBe(true);
});
