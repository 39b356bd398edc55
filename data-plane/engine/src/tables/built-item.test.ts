import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { ApiKeySchema, InstanceSchema, ResourceSchema } from '@sluice/proto';
import { expect, test } from 'vitest';
import { buildApiKeyItem, buildItem, buildRefusing } from './built-item.ts';
import { CannotBuild } from './cannot-build.ts';

const none = () => 0;
const context = { group: 'default', slots: { route: none, service: none, endpoint: none, limit: none, policy: none } };

function resource(kind: string, name: string, init: MessageInitShape<typeof ResourceSchema>) {
  return { kind, name, content: toBinary(ResourceSchema, create(ResourceSchema, { name, ...init })) };
}

const service = resource('Service', 's', { spec: { case: 'service', value: {} } });
const apiKey = { name: 'k', consumer: 'c', hash: new Uint8Array(32).fill(7), enabled: true };
const keyItem = { kind: 'ApiKey', name: 'k', content: toBinary(ApiKeySchema, create(ApiKeySchema, apiKey)) };
/** Field 100, which no message has. */
const UNKNOWN_FIELD = [0xa0, 0x06, 0x01];
const withUnknown = <Item extends { content: Uint8Array }>(item: Item): Item => ({
  ...item,
  content: new Uint8Array([...item.content, ...UNKNOWN_FIELD]),
});

test('an API key is built from a key alone', () => {
  expect(buildApiKeyItem(keyItem, context)).toMatchObject({ kind: 'ApiKey', name: 'k' });
  expect((buildApiKeyItem(service, context) as CannotBuild).message).toContain('it is no API key');
  expect(buildApiKeyItem({ ...keyItem, content: new Uint8Array([1]) }, context)).toBeInstanceOf(CannotBuild);
});

test('a field of a later version is not overlooked, unless this version has built the very thing before', () => {
  for (const item of [keyItem, service]) {
    expect((buildItem(withUnknown(item), context) as CannotBuild).message).toContain(
      'a field that this version of the node does not know',
    );
    expect(buildItem(withUnknown(item), context, true)).not.toBeInstanceOf(CannotBuild);
  }
});

test.each([
  ['a resource without a spec', resource('Gadget', 'g', {}), 'this version of the node has no Gadget'],
  ['bytes that are no message', { ...service, content: new Uint8Array([0xff]) }, 'does not decode'],
  [
    'an instance without a port',
    { kind: 'Instance', name: 'i', content: toBinary(InstanceSchema, create(InstanceSchema, { address: 'a' })) },
    'endpoint a has no valid port',
  ],
])('%s cannot be built, and the reason is told', (_, item, reason) => {
  expect((buildItem(item, context) as CannotBuild).message).toContain(reason);
});

test('an instance that leaves its weight out has an ordinary share', () => {
  const content = toBinary(InstanceSchema, create(InstanceSchema, { service: 's', address: '10.0.0.1:80', zone: 'z' }));
  expect(buildItem({ kind: 'Instance', name: 's/10.0.0.1:80', content }, context)).toMatchObject({
    endpoint: { address: '10.0.0.1:80', host: '10.0.0.1', port: 80, weight: 1, zone: 'z' },
  });
});

test('what stands for a route refuses what it takes; where that is not known nothing stands for it', () => {
  const match = [{ path: { kind: { case: 'prefix' as const, value: '/a' } } }];
  const route = resource('Route', 'r', { spec: { case: 'route', value: { match } } });
  expect(buildRefusing(route, context)).toMatchObject({ kind: 'Route', name: 'r', match: { matches: [{ index: 0 }] } });
  expect(buildRefusing(service, context)).toBeUndefined();
  expect(buildRefusing({ ...service, kind: 'Route' }, context)).toBeUndefined();
  expect(buildRefusing({ ...route, content: new Uint8Array([0xff]) }, context)).toBeUndefined();
});
