import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Resource, ResourceSchema, type RouteMatchSchema } from '@sluice/proto';
import fc from 'fast-check';

/**
 * Changes over a small world of names, so that they meet: most are right, many refer to each other, some take away what others need.
 * A removal names a place among what is there.
 */
export interface ArbitraryChange {
  readonly upserts: readonly Resource[];
  readonly removals: readonly number[];
}

const groups = fc.oneof(
  { weight: 5, arbitrary: fc.constant<string[]>([]) },
  { weight: 2, arbitrary: fc.subarray(['eu', 'us', 'default'], { minLength: 1 }) },
);
const name = (prefix: string, count: number) => fc.nat({ max: count - 1 }).map((i) => `${prefix}${i}`);

const service = fc.record({ name: name('s', 4), groups, zero: fc.boolean() }).map(({ name, groups, zero }) =>
  create(ResourceSchema, {
    name,
    nodeGroups: groups,
    spec: { case: 'service', value: { endpoints: [{ address: '10.0.0.1:80', ...(zero ? { weight: 0 } : {}) }] } },
  }),
);

const limit = fc.record({
  name: fc.constantFrom('a', 'b'),
  by: fc.constantFrom<string[][]>(['consumer'], ['clientIp'], ['route', 'apiKey']),
  cost: fc.constantFrom(1, 3),
});

const limitsOf = (limits: readonly { name: string; by: string[]; cost: number }[]) =>
  limits.map((each) => ({
    ...each,
    algorithm: { case: 'tokenBucket' as const, value: { requests: 5, per: { seconds: 1n } } },
  }));

const policy = fc
  .record({
    name: name('p', 3),
    groups,
    limits: fc.uniqueArray(limit, { selector: (each) => each.name, maxLength: 2 }),
  })
  .map(({ name, groups, limits }) =>
    create(ResourceSchema, {
      name,
      nodeGroups: groups,
      spec: { case: 'policy', value: { rateLimits: limitsOf(limits) } },
    }),
  );

const consumer = fc
  .record({ name: name('c', 3), limits: fc.subarray(['a', 'b', 'x']), requests: fc.constantFrom(2, 9) })
  .map(({ name, limits, requests }) =>
    create(ResourceSchema, {
      name,
      spec: {
        case: 'consumer',
        value: {
          rateLimits: limits.map((each) => ({
            name: each,
            algorithm: { case: 'tokenBucket' as const, value: { requests, per: { seconds: 1n } } },
          })),
        },
      },
    }),
  );

const listener = fc
  .record({ name: fc.constantFrom('http', 'l1', 'l2'), groups, port: fc.constantFrom(80, 81) })
  .map(({ name, groups, port }) =>
    create(ResourceSchema, {
      name,
      nodeGroups: groups,
      spec: { case: 'listener', value: { address: `0.0.0.0:${port}` } },
    }),
  );

const group = fc
  .constantFrom('eu', 'us', 'default')
  .map((name) => create(ResourceSchema, { name, spec: { case: 'nodeGroup', value: {} } }));

const match: fc.Arbitrary<MessageInitShape<typeof RouteMatchSchema>> = fc
  .record({
    path: fc.constantFrom(
      undefined,
      { case: 'prefix' as const, value: '/' },
      { case: 'prefix' as const, value: '/a' },
      { case: 'prefix' as const, value: '/a/b' },
      { case: 'exact' as const, value: '/a/b' },
      { case: 'template' as const, value: '/a/{x}' },
      { case: 'template' as const, value: '/a/{y}' },
      { case: 'regex' as const, value: '/a/[0-9]+' },
    ),
    methods: fc.constantFrom<string[][]>([], ['GET'], ['POST', 'GET']),
    header: fc.constantFrom(undefined, '1', '2'),
  })
  .map(({ path, methods, header }) => ({
    ...(path === undefined ? {} : { path: { kind: path } }),
    methods,
    headers: header === undefined ? {} : { 'x-v': { kind: { case: 'exact' as const, value: header } } },
  }));

const route = fc
  .record({
    name: name('r', 6),
    groups,
    hosts: fc.constantFrom<string[][]>([], ['x.io'], ['*.io'], ['x.io', 'y.io']),
    match: fc.array(match, { maxLength: 2 }),
    priority: fc.constantFrom(0, 0, 0, 1, 2),
    enabled: fc.constantFrom(undefined, true, false),
    listeners: fc.constantFrom<string[][]>([], [], ['http'], ['l1', 'l2']),
    service: name('s', 4),
    policies: fc.subarray(['p0', 'p1', 'p2']),
    limits: fc.uniqueArray(limit, { selector: (each) => each.name, maxLength: 1 }),
  })
  .map(({ name, groups, enabled, limits, ...spec }) =>
    create(ResourceSchema, {
      name,
      nodeGroups: groups,
      spec: {
        case: 'route',
        value: { ...spec, rateLimits: limitsOf(limits), ...(enabled === undefined ? {} : { enabled }) },
      },
    }),
  );

const resource = fc.oneof(
  { weight: 2, arbitrary: service },
  { weight: 2, arbitrary: policy },
  { weight: 2, arbitrary: consumer },
  { weight: 1, arbitrary: listener },
  { weight: 1, arbitrary: group },
  { weight: 6, arbitrary: route },
);

export const arbitraryChange: fc.Arbitrary<ArbitraryChange> = fc.record({
  upserts: fc.uniqueArray(resource, { selector: (each) => `${each.spec.case}/${each.name}`, maxLength: 6 }),
  removals: fc.array(fc.nat(), { maxLength: 2 }),
});
