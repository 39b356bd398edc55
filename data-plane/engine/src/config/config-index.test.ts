import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Resource, ResourceSchema, type RouteSchema } from '@sluice/proto';
import { describe, expect, test } from 'vitest';
import { ConfigIndex, compileSnapshot } from './config-index.ts';
import type { Problem } from './problem.ts';

const service = (name: string, nodeGroups: string[] = []) =>
  create(ResourceSchema, {
    name,
    nodeGroups,
    spec: { case: 'service', value: { endpoints: [{ address: '127.0.0.1:9000' }] } },
  });

const group = (name: string) => create(ResourceSchema, { name, spec: { case: 'nodeGroup', value: {} } });

const route = (name: string, spec: MessageInitShape<typeof RouteSchema>): Resource =>
  create(ResourceSchema, { name, spec: { case: 'route', value: spec } });

const prefix = (value: string) => [{ path: { kind: { case: 'prefix' as const, value } } }];

describe('a change', () => {
  test('that is right is checked without being made, then committed', () => {
    const index = ConfigIndex.empty();
    const checked = index.check({
      upserts: [route('r', { match: prefix('/a'), service: 's' }), service('s')],
      removals: [],
    });
    expect(checked.problems).toEqual([]);
    expect(checked.changes.map(({ key, change }) => [key, change])).toEqual([
      ['Route/r', 'created'],
      ['Service/s', 'created'],
    ]);
    expect(index.size).toBe(0);
    index.commit(checked);
    expect(index.size).toBe(2);
    expect(index.get('Service/s')?.name).toBe('s');
    expect([...index.entries()].map(({ key }) => key)).toEqual(['Route/r', 'Service/s']);
  });

  test('that leaves a resource byte for byte as it is, changes nothing', () => {
    const { index } = compileSnapshot([service('s')]);
    expect(index.check({ upserts: [service('s')], removals: [] })).toEqual({ problems: [], changes: [] });
  });

  test('cannot be committed on another configuration than it was checked on', () => {
    const { index } = compileSnapshot([service('s')]);
    const checked = index.check({ upserts: [service('t')], removals: [] });
    index.commit(index.check({ upserts: [service('u')], removals: [] }));
    expect(() => index.commit(checked)).toThrow('on the same configuration');
  });

  test('that removes what others refer to names those', () => {
    const { index } = compileSnapshot([route('r', { match: prefix('/a'), service: 's' }), service('s')]);
    expect(index.check({ upserts: [], removals: ['Service/s'] }).problems).toEqual([
      {
        severity: 'error',
        kind: 'Service',
        name: 's',
        field: '',
        message: 'cannot be removed: Route "r" (spec.service) still refers to it',
        remedy: 'change or remove those in the same change',
      },
    ]);
    expect(index.check({ upserts: [], removals: ['Service/s', 'Route/r'] }).problems).toEqual([]);
  });

  test('that takes a service out of a group which a route goes to, is refused at the route', () => {
    const { index } = compileSnapshot([group('eu'), service('s'), route('r', { match: prefix('/a'), service: 's' })]);
    expect(summary(index.check({ upserts: [service('s', ['eu'])], removals: [] }).problems)).toEqual([
      'error Route/r spec.service: Service "s" goes only to eu, and this goes everywhere',
    ]);
  });
});

describe('routes', () => {
  test('that take the same requests at the same priority are refused, both named', () => {
    const { index } = compileSnapshot([service('s'), route('a', { match: prefix('/x'), service: 's' })]);
    const same = route('b', { match: prefix('/x/'), service: 's' });
    expect(summary(index.check({ upserts: [same], removals: [] }).problems)).toEqual([
      'error Route/b spec.match[0]: takes the same requests as Route "a" (match[0]), at the same priority',
    ]);
  });

  test('that are many and the same are told of once each', () => {
    const same = Array.from({ length: 300 }, (_, i) => route(`r${i}`, { match: prefix('/x'), service: 's' }));
    const { problems } = compileSnapshot([service('s'), ...same]);
    expect(problems.filter(({ severity }) => severity === 'error')).toHaveLength(299);
    expect(problems.length).toBeLessThan(600);
  });

  test('may be the same on listeners or in node groups that never meet, or where one is not enabled', () => {
    const listener = (name: string, port: number) =>
      create(ResourceSchema, { name, spec: { case: 'listener', value: { address: `0.0.0.0:${port}` } } });
    const on = (name: string, listeners: string[]) => route(name, { match: prefix('/x'), service: 's', listeners });
    const { problems } = compileSnapshot([
      service('s'),
      listener('one', 81),
      listener('two', 82),
      on('a', ['one']),
      on('b', ['two']),
      route('c', { match: prefix('/x'), service: 's', enabled: false }),
    ]);
    expect(problems).toEqual([]);
  });

  test('that can never win are warned of, also where a new route is what hides them', () => {
    const { index, problems } = compileSnapshot([
      service('s'),
      route('narrow', { match: [{ ...prefix('/x')[0], methods: ['GET'] }], service: 's' }),
    ]);
    expect(problems).toEqual([]);
    const wide = route('wide', { match: prefix('/'), service: 's', priority: 5 });
    expect(summary(index.check({ upserts: [wide], removals: [] }).problems)).toEqual([
      'warning Route/narrow spec.match: can never win: Route "wide" takes every request that it would',
    ]);
  });
});

test('what this version does not support is refused by name', () => {
  const { problems } = compileSnapshot([
    service('s'),
    route('r', { match: prefix('/a'), service: 's', mqtt: { topic: 'a' } }),
    create(ResourceSchema, { name: 'i', spec: { case: 'certificate', value: {} } }),
  ]);
  expect(summary(problems)).toEqual([
    'error Route/r spec.mqtt: mqtt is not supported by this version',
    'error Certificate/i : the kind Certificate is not supported by this version',
  ]);
});

function summary(problems: readonly Problem[]): string[] {
  return problems.map(({ severity, kind, name, field, message }) => `${severity} ${kind}/${name} ${field}: ${message}`);
}
