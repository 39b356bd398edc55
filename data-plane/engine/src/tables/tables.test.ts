import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { FoundEndpointsSchema, InstanceSchema, type Resource, ResourceSchema } from '@sluice/proto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ActiveChange, type ActiveItem, ActiveSet, type TrackChange } from './active-set.ts';
import { defaultListener } from './build-listener.ts';
import { type BuildContext, itemKey, type SlotSource, type TrackItem } from './built-item.ts';
import type { RouteFinding, RoutePlan } from './plan.ts';
import { Tables } from './tables.ts';

type SpecInit = NonNullable<MessageInitShape<typeof ResourceSchema>['spec']>;

const kinds = {
  listener: 'Listener',
  certificate: 'Certificate',
  service: 'Service',
  consumer: 'Consumer',
  issuer: 'Issuer',
  policy: 'Policy',
  route: 'Route',
  nodeGroup: 'NodeGroup',
} as const satisfies Record<NonNullable<Resource['spec']['case']>, string>;

function item(name: string, spec: SpecInit): TrackItem {
  const content = toBinary(ResourceSchema, create(ResourceSchema, { name, spec }));
  return { kind: kinds[spec.case as keyof typeof kinds], name, content };
}

function service(name: string, address = '127.0.0.1:9000', timeoutSeconds = 5): TrackItem {
  const timeout = { seconds: BigInt(timeoutSeconds) };
  return item(name, { case: 'service', value: { endpoints: [{ address }], timeout } });
}

function discovered(name: string): TrackItem {
  return item(name, { case: 'service', value: { discovery: { source: { case: 'dns', value: { name: 'a.test' } } } } });
}

/** What a node found for a service. */
function found(name: string, ...ports: readonly number[]): ActiveItem {
  const endpoints = ports.map((port) => ({ address: `127.0.0.1:${port}`, weight: 1, priority: port }));
  const content = toBinary(FoundEndpointsSchema, create(FoundEndpointsSchema, { service: name, endpoints }));
  return { kind: 'FoundEndpoints', name, content, unavailable: undefined };
}

function route(name: string, prefix: string, to: string, policies: string[] = [], extra: object = {}): TrackItem {
  const match = [{ path: { kind: { case: 'prefix' as const, value: prefix } } }];
  return item(name, { case: 'route', value: { match, service: to, policies, ...extra } });
}

/** Slots by key, as the main thread of a node hands them out. */
function slotSource(): SlotSource {
  const slots = new Map<string, number>();
  const slot = (key: string): number => {
    if (!slots.has(key)) slots.set(key, slots.size);
    return slots.get(key)!;
  };
  return {
    route: (name) => slot(`route ${name}`),
    service: (name) => slot(`service ${name}`),
    endpoint: (name, address) => slot(`endpoint ${name} ${address}`),
    limit: (id) => slot(`limit ${id}`),
    policy: (name) => slot(`policy ${name}`),
  };
}

const context: BuildContext = { group: 'default', slots: slotSource() };

function newTables(): Tables {
  return new Tables({ ...context, listeners: [defaultListener('http', '127.0.0.1:8080')] });
}

function get(tables: Tables, path: string, listener = 'http'): RouteFinding {
  return tables.find(listener, { host: 'a.example', path, query: '', method: 'GET', header: () => undefined });
}

const PATHS = ['/x', '/x/y', '/z', '/q'];

function plan(tables: Tables, path: string): RoutePlan {
  const finding = get(tables, path);
  if (finding.kind !== 'found') throw new Error(`${path}: ${finding.kind}`);
  return finding.plan;
}

function apply(set: ActiveSet, tables: Tables, change: Partial<TrackChange>): ActiveChange {
  const planned = set.plan({ upserts: [], removals: [], snapshot: false, ...change });
  set.make(planned);
  tables.commit(tables.stage(planned.change));
  return planned.change;
}

describe('tables', () => {
  test('a request keeps the plan it took while another revision is committed', () => {
    const set = new ActiveSet(context);
    const tables = newTables();
    apply(set, tables, { upserts: [service('s'), route('r', '/r', 's')] });
    const before = plan(tables, '/r');
    apply(set, tables, { upserts: [service('s', '127.0.0.1:9001')] });
    expect(before.destinations[0]!.service.endpoints[0]!.port).toBe(9000);
    expect(plan(tables, '/r').destinations[0]!.service.endpoints[0]!.port).toBe(9001);
  });

  test('staging changes nothing before the commit', () => {
    const tables = newTables();
    const staged = tables.stage({
      upserts: [service('s'), route('r', '/r', 's')].map((each) => ({ ...each, unavailable: undefined })),
      removals: [],
    });
    expect(get(tables, '/r').kind).toBe('notFound');
    tables.commit(staged);
    expect(plan(tables, '/r').name).toBe('r');
  });

  test('of each field the last that sets it wins, limits add up by name, header edits concatenate, none drops', () => {
    const set = new ActiveSet(context);
    const tables = newTables();
    const bucket = (requests: number) => ({
      case: 'tokenBucket' as const,
      value: { requests, per: { seconds: 60n }, burst: requests },
    });
    const first = item('first', {
      case: 'policy',
      value: {
        auth: { anyOf: [{ method: { case: 'apiKey', value: {} } }] },
        timeout: { seconds: 1n },
        rateLimits: [
          { name: 'a', by: ['clientIp'], algorithm: bucket(1) },
          { name: 'b', by: ['consumer'], algorithm: bucket(2) },
        ],
        responseHeaders: { set: { 'x-one': '1', 'x-both': 'first' } },
      },
    });
    const second = item('second', {
      case: 'policy',
      value: {
        timeout: { seconds: 2n },
        rateLimits: [{ name: 'b', algorithm: bucket(3) }],
        responseHeaders: { set: { 'x-both': 'second' } },
      },
    });
    apply(set, tables, {
      upserts: [service('s'), first, second, route('r', '/r', 's', ['first', 'second'])],
    });
    const joined = plan(tables, '/r');
    expect(joined.auth?.methods).toEqual([{ kind: 'apiKey', location: 'header', name: 'x-api-key', forward: false }]);
    expect(joined.destinations[0]!.timeoutMs).toBe(2000);
    expect(joined.addressLimits.map(({ id }) => id)).toEqual(['Policy/first/a']);
    expect(joined.callerLimits.map(({ id, bucket: { requests } }) => [id, requests])).toEqual([['Policy/second/b', 3]]);
    expect(joined.responseHeaders?.lines).toBe('x-one: 1\r\nx-both: second\r\n');
    apply(set, tables, {
      upserts: [route('r', '/r', 's', ['first', 'second'], { none: ['auth', 'timeout', 'rateLimits'] })],
    });
    expect(plan(tables, '/r')).toMatchObject({
      auth: undefined,
      addressLimits: [],
      callerLimits: [],
      destinations: [{ timeoutMs: 5000 }],
    });
  });

  test('a route that cannot be built does not leave its requests to a wider one', () => {
    const set = new ActiveSet(context);
    const tables = newTables();
    const bad = route('bad', '/x', 's', [], { mqtt: { topic: 'a' } });
    apply(set, tables, { upserts: [service('s'), route('wide', '/', 's'), bad] });
    expect(plan(tables, '/x/y')).toMatchObject({
      name: 'bad',
      unavailable: 'spec.mqtt: mqtt is not supported by this version',
    });
    expect(plan(tables, '/z')).toMatchObject({ name: 'wide', unavailable: undefined });
    apply(set, tables, { upserts: [route('bad', '/x', 's')] });
    expect(plan(tables, '/x/y')).toMatchObject({ name: 'bad', unavailable: undefined });
  });

  test('a route is at the listeners it names, whichever comes first and however often they come and go', () => {
    const set = new ActiveSet(context);
    const tables = newTables();
    const at = (listener: string) => get(tables, '/r', listener).kind;
    const listener = (name: string) => item(name, { case: 'listener', value: { address: '127.0.0.1:8081' } });
    apply(set, tables, { upserts: [service('s'), route('r', '/r', 's', [], { listeners: ['inner'] })] });
    expect([at('http'), at('inner')]).toEqual(['notFound', 'notFound']);
    for (const _ of [1, 2]) {
      apply(set, tables, { upserts: [listener('inner'), listener('http')] });
      expect([at('http'), at('inner'), tables.listener('http')?.port]).toEqual(['notFound', 'found', 8081]);
      const removals = ['inner', 'http'].map((name) => ({ kind: 'Listener', name }));
      apply(set, tables, { removals });
      expect([at('http'), at('inner'), tables.listener('http')?.port]).toEqual(['notFound', 'notFound', 8080]);
      expect(tables.listener('inner')).toBeUndefined();
    }
    apply(set, tables, { upserts: [listener('inner'), route('r', '/r', 's')] });
    expect([at('http'), at('inner')]).toEqual(['found', 'found']);
  });

  test('none drops what came before it, not what is set beside or after it', () => {
    const set = new ActiveSet(context);
    const tables = newTables();
    const seconds = (value: number, more: object = {}) => ({ timeout: { seconds: BigInt(value) }, ...more });
    const policy = (name: string, value: object) => item(name, { case: 'policy', value });
    const timeoutOf = (own: object): number => {
      apply(set, tables, { upserts: [route('r', '/r', 's', ['a', 'b'], own)] });
      return plan(tables, '/r').destinations[0]!.timeoutMs;
    };
    apply(set, tables, { upserts: [service('s'), policy('a', seconds(1)), policy('b', { none: ['timeout'] })] });
    expect([timeoutOf({}), timeoutOf(seconds(3)), timeoutOf({ none: ['timeout'] })]).toEqual([5000, 3000, 5000]);
    apply(set, tables, { upserts: [policy('b', seconds(2, { none: ['timeout'] }))] });
    expect([timeoutOf({}), timeoutOf(seconds(3)), timeoutOf({ none: ['timeout'] })]).toEqual([2000, 3000, 5000]);
  });

  test('a key has the consumer as it is now, also after the consumer was away', () => {
    const config = new ActiveSet(context);
    const found = { name: 'k', consumer: 'c', expiresAtMs: 5, overrides: undefined };
    const tables = new Tables({
      ...context,
      listeners: [],
      apiKeys: { find: ([first]) => (first === 1 ? found : undefined) },
    });
    const consumer = (requests: number) => {
      const algorithm = { case: 'tokenBucket' as const, value: { requests, per: { seconds: 1n } } };
      return item('c', { case: 'consumer', value: { rateLimits: [{ name: 'l', algorithm }] } });
    };
    const allowed = () => tables.identify(new Uint8Array(32).fill(1))?.consumer.overrides?.get('l')?.requests;
    expect(allowed()).toBeUndefined();
    apply(config, tables, { upserts: [consumer(1)] });
    expect(allowed()).toBe(1);
    expect(tables.identify(new Uint8Array(32).fill(2))).toBeUndefined();
    apply(config, tables, { removals: [{ kind: 'Consumer', name: 'c' }] });
    expect(allowed()).toBeUndefined();
    apply(config, tables, { upserts: [consumer(2)] });
    expect(allowed()).toBe(2);
  });

  test('a service has the endpoints that were found for it last, for as long as it asks for them', () => {
    const set = new ActiveSet(context);
    const tables = newTables();
    const find = (...ports: readonly number[]) =>
      tables.commit(tables.stage({ upserts: [found('s', ...ports)], removals: [] }));
    const ports = () =>
      plan(tables, '/x').destinations[0]?.service.endpoints.map(({ port, priority }) => [port, priority]);
    apply(set, tables, { upserts: [discovered('s'), route('r', '/x', 's')] });
    expect(ports()).toEqual([]);
    find(1, 2);
    expect(ports()).toEqual([
      [1, 1],
      [2, 2],
    ]);
    find(2);
    expect(ports()).toEqual([[2, 2]]);
    apply(set, tables, { upserts: [service('s', '127.0.0.1:9')] });
    expect(ports()).toEqual([[9, 0]]);
    find(3);
    expect(ports()).toEqual([[9, 0]]);
    apply(set, tables, { upserts: [discovered('s')] });
    expect(ports()).toEqual([]);
  });

  test('a service has the instances that are registered of it, by their addresses, whenever they came', () => {
    const config = new ActiveSet(context);
    const facts = new ActiveSet(context);
    const tables = newTables();
    const instance = (address: string, weight = 1): TrackItem => {
      const content = toBinary(InstanceSchema, create(InstanceSchema, { service: 's', address, weight, zone: 'z' }));
      return { kind: 'Instance', name: `s/${address}`, content };
    };
    const registry = (name: string) =>
      item(name, { case: 'service', value: { discovery: { source: { case: 'registry', value: {} } } } });
    const endpoints = () => plan(tables, '/x').destinations[0]?.service.endpoints.map(({ address }) => address);
    apply(facts, tables, { upserts: [instance('10.0.0.2:80'), instance('10.0.0.3:80', 0)] });
    apply(config, tables, { upserts: [registry('s'), registry('t'), route('r', '/x', 's')] });
    expect(endpoints()).toEqual(['10.0.0.2:80']);
    apply(facts, tables, { upserts: [instance('10.0.0.1:80'), instance('10.0.0.3:80', 2)] });
    expect(endpoints()).toEqual(['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80']);
    apply(facts, tables, { removals: [{ kind: 'Instance', name: 's/10.0.0.2:80' }] });
    expect(endpoints()).toEqual(['10.0.0.1:80', '10.0.0.3:80']);
    apply(config, tables, { upserts: [service('s', '127.0.0.1:9')] });
    expect(endpoints()).toEqual(['127.0.0.1:9']);
    apply(config, tables, { upserts: [registry('s')] });
    expect(endpoints()).toEqual(['10.0.0.1:80', '10.0.0.3:80']);
  });

  test('a service has what it falls back on as that is now; what is not there is left out', () => {
    const set = new ActiveSet(context);
    const tables = newTables();
    const fallingBack = (name: string, ...on: readonly string[]) =>
      item(name, {
        case: 'service',
        value: {
          endpoints: [{ address: '127.0.0.1:1' }],
          fallback: [
            { answer: { case: 'staleCache', value: {} } },
            ...on.map((value) => ({ answer: { case: 'service' as const, value } })),
          ],
        },
      });
    const chain = (path: string) =>
      plan(tables, path).destinations[0]!.fallbacks.map((each) =>
        each.kind === 'service' ? (each.destination.service.endpoints[0]?.port ?? 0) : each.kind,
      );
    apply(set, tables, { upserts: [fallingBack('s', 'spare'), fallingBack('t', 'spare', 'last')] });
    apply(set, tables, { upserts: [route('r', '/r', 's'), route('q', '/q', 't'), service('last', '127.0.0.1:9')] });
    apply(set, tables, { upserts: [service('spare', '127.0.0.1:2')] });
    expect([chain('/r'), chain('/q')]).toEqual([
      ['staleCache', 2],
      ['staleCache', 2, 9],
    ]);
    apply(set, tables, { upserts: [service('spare', '127.0.0.1:3')] });
    expect([chain('/r'), chain('/q')]).toEqual([
      ['staleCache', 3],
      ['staleCache', 3, 9],
    ]);
    apply(set, tables, { upserts: [fallingBack('t', 'last')], removals: [{ kind: 'Service', name: 'spare' }] });
    expect([chain('/r'), chain('/q')]).toEqual([['staleCache'], ['staleCache', 9]]);
    apply(set, tables, { upserts: [fallingBack('s'), fallingBack('t')] });
    expect([chain('/r'), chain('/q')]).toEqual([['staleCache'], ['staleCache']]);
  });

  test('any sequence of changes leaves what a rebuild from scratch leaves', () => {
    const names = ['a', 'b', 'c'] as const;
    const name = fc.constantFrom(...names);
    const change = fc.oneof(
      fc.record({ kind: fc.constant('service' as const), name, port: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ kind: fc.constant('found' as const), name, port: fc.integer({ min: 1, max: 3 }) }),
      fc.record({
        kind: fc.constant('route' as const),
        name,
        prefix: fc.constantFrom('/x', '/x/y', '/z'),
        to: name,
        policies: fc.uniqueArray(name, { maxLength: 2 }),
        enabled: fc.boolean(),
      }),
      fc.record({ kind: fc.constant('policy' as const), name, seconds: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ kind: fc.constant('remove' as const), name, what: fc.constantFrom('Service', 'Route', 'Policy') }),
    );
    fc.assert(
      fc.property(fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), (revisions) => {
        const set = new ActiveSet(context);
        const tables = newTables();
        const lastFound = new Map<string, ActiveItem>();
        const isDiscovered = (each: string) =>
          Buffer.from(set.latestItem(`Service/${each}`)?.content ?? '').includes('a.test');
        for (const revision of revisions) {
          const upserts = new Map<string, TrackItem>();
          const removals = new Map<string, { kind: string; name: string }>();
          for (const each of revision) {
            if (each.kind === 'found') {
              const items = isDiscovered(each.name) ? [found(each.name, each.port)] : [];
              for (const one of items) lastFound.set(each.name, one);
              tables.commit(tables.stage({ upserts: items, removals: [] }));
            } else if (each.kind === 'remove')
              removals.set(`${each.what}/${each.name}`, { kind: each.what, name: each.name });
            else {
              const made =
                each.kind === 'service'
                  ? each.port === 0
                    ? discovered(each.name)
                    : service(each.name, `127.0.0.1:${each.port}`)
                  : each.kind === 'policy'
                    ? item(each.name, { case: 'policy', value: { timeout: { seconds: BigInt(each.seconds) } } })
                    : route(each.name, each.prefix, each.to, each.policies, { enabled: each.enabled });
              upserts.set(itemKey(made), made);
            }
          }
          for (const key of upserts.keys()) removals.delete(key);
          apply(set, tables, { upserts: [...upserts.values()], removals: [...removals.values()] });
          for (const each of names) if (!isDiscovered(each)) lastFound.delete(each);
          // Requests between the changes, so that plans are made which the next change must forget.
          for (const path of PATHS) get(tables, path);
        }
        const scratch = newTables();
        const whole = new ActiveSet(context);
        apply(whole, scratch, { upserts: [...set.latestItems()], snapshot: true });
        scratch.commit(scratch.stage({ upserts: [...lastFound.values()], removals: [] }));
        for (const path of PATHS) expect(get(tables, path)).toEqual(get(scratch, path));
      }),
      { numRuns: 300 },
    );
  });
});
