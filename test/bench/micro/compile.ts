import { create } from '@bufbuild/protobuf';
import { type ConfigIndex, compileSnapshot } from '@sluice/engine/config-index';
import { parseManifests, printManifests } from '@sluice/engine/manifest';
import { type Resource, ResourceSchema } from '@sluice/proto';

/**
 * What checking and committing configuration costs at 10,000 routes: the whole from scratch, single changes, and the manifests of all
 * of it. Milliseconds; of single changes the median. Run by hand: node test/bench/micro/compile.ts
 */
const routes = Number(process.argv[2] ?? 10_000);

const service = (name: string, timeoutSeconds: number) =>
  create(ResourceSchema, {
    name,
    spec: {
      case: 'service',
      value: { endpoints: [{ address: '10.0.0.1:80' }], timeout: { seconds: BigInt(timeoutSeconds) } },
    },
  });

const policy = create(ResourceSchema, {
  name: 'public',
  spec: {
    case: 'policy',
    value: {
      auth: { anyOf: [{ method: { case: 'apiKey', value: {} } }] },
      rateLimits: [
        {
          name: 'per-consumer',
          by: ['consumer'],
          algorithm: { case: 'tokenBucket', value: { requests: 100, per: { seconds: 60n } } },
        },
      ],
    },
  },
});

const route = (i: number, priority = 0, path = `/api/v1/things-${i}`) =>
  create(ResourceSchema, {
    name: `route-${i}`,
    labels: { team: `team-${i % 10}` },
    spec: {
      case: 'route',
      value: {
        hosts: [`api-${i % 100}.example.com`],
        priority,
        match: [{ path: { kind: { case: 'prefix', value: path } }, methods: ['GET', 'POST'] }],
        service: `service-${i % 50}`,
        policies: ['public'],
        timeout: { seconds: 3n },
      },
    },
  });

const all: Resource[] = [
  policy,
  ...Array.from({ length: 50 }, (_, i) => service(`service-${i}`, 10)),
  ...Array.from({ length: routes }, (_, i) => route(i)),
];

compileSnapshot(all.slice(0, 200));
const { index } = once('from scratch', () => compileSnapshot(all));

single('one route changed', (i) => ({ upserts: [route(i % routes, 0, `/api/v2/things-${i}`)], removals: [] }));
single('one route made and removed', (i) =>
  i % 2 === 0
    ? { upserts: [route(routes + 1)], removals: [] }
    : { upserts: [], removals: [`Route/route-${routes + 1}` as const] },
);
single('one route of higher priority', (i) => ({ upserts: [route(i % routes, 1 + (i % 5))], removals: [] }));
single(`a service of ${routes / 50} routes changed`, (i) => ({
  upserts: [service('service-1', 1 + (i % 60))],
  removals: [],
}));
single('nothing changed', () => ({ upserts: [service('service-2', 10)], removals: [] }));

const text = once('print all manifests', () => printManifests(all));
once(`parse all manifests (${Math.round(text.length / 1024)} KiB)`, () => parseManifests(text, { file: 'all.yaml' }));

function single(name: string, change: (i: number) => Parameters<ConfigIndex['check']>[0]): void {
  const checks: number[] = [];
  const commits: number[] = [];
  for (let i = 0; i < 300; i++) {
    const start = performance.now();
    const checked = index.check(change(i));
    const middle = performance.now();
    index.commit(checked);
    commits.push(performance.now() - middle);
    checks.push(middle - start);
  }
  console.log(
    `${name.padEnd(44)} check ${median(checks)} ms   commit ${median(commits)} ms   worst ${worst(checks)} ms`,
  );
}

function once<T>(name: string, run: () => T): T {
  const start = performance.now();
  const result = run();
  console.log(`${name.padEnd(44)} ${(performance.now() - start).toFixed(0)} ms`);
  return result;
}

function median(times: readonly number[]): string {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!.toFixed(3);
}

function worst(times: readonly number[]): string {
  return Math.max(...times).toFixed(2);
}
