/**
 * Time of one match at 10, 1,000, 10,000 and 100,000 routes, 100 of them hot, and of changing one route in place.
 *
 *     npx node test/bench/micro/router.ts
 */
import { compileRoute, normalizeTarget, type RouteMatch, type RouteRequest, Router } from '@sluice/engine';

const HOT = 100;
const REQUESTS = 300_000;
const ROUNDS = 5;

type Shape = 'exact' | 'prefix' | 'template' | 'header' | 'hosts';
const shapes: readonly Shape[] = ['exact', 'prefix', 'template', 'header', 'hosts'];

console.log('ns per match, best of 5 rounds; normalizing the target included in the last column');
console.log(['routes', ...shapes, 'prefix+normalize', 'replace one (us)'].join('\t'));
for (const count of [10, 1_000, 10_000, 100_000]) {
  const columns = shapes.map((shape) => measureMatch(shape, count).toFixed(0));
  console.log([count, ...columns, measureTarget(count).toFixed(0), measureReplace(count).toFixed(1)].join('\t'));
}

function measureMatch(shape: Shape, count: number): number {
  const router = buildRouter(shape, count);
  const requests = hotIndexes(count).map((index) => request(shape, index));
  return bestRound(() => {
    let found = 0;
    for (let i = 0; i < REQUESTS; i++) {
      // A path of a real request is a new string each time, so that its hash is not known yet.
      const { host, path, query, method, header } = requests[i % requests.length]!;
      const fresh = { host, path: freshCopy(path), query, method, header };
      if (router.match(fresh).outcome === 'found') found++;
    }
    if (found !== REQUESTS) throw new Error(`${shape}: ${REQUESTS - found} requests found no route`);
  });
}

function measureTarget(count: number): number {
  const router = buildRouter('prefix', count);
  const requests = hotIndexes(count).map((index) => request('prefix', index));
  return bestRound(() => {
    for (let i = 0; i < REQUESTS; i++) {
      const { host, path, method, header } = requests[i % requests.length]!;
      const target = normalizeTarget(freshCopy(`${path}?page=2`));
      if ('code' in target) throw new Error(target.message);
      router.match({ host, path: target.path, query: target.query, method, header });
    }
  });
}

function measureReplace(count: number): number {
  const router = buildRouter('prefix', count);
  const changes = 2_000;
  const started = process.hrtime.bigint();
  for (let i = 0; i < changes; i++) addRoute(router, 'prefix', (i * 7919) % count);
  return Number(process.hrtime.bigint() - started) / changes / 1e3;
}

function bestRound(round: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
    const started = process.hrtime.bigint();
    round();
    best = Math.min(best, Number(process.hrtime.bigint() - started) / REQUESTS);
  }
  return best;
}

function buildRouter(shape: Shape, count: number): Router<number> {
  const router = new Router<number>();
  for (let index = 0; index < count; index++) addRoute(router, shape, index);
  return router;
}

function addRoute(router: Router<number>, shape: Shape, index: number): void {
  const hosts =
    shape === 'hosts' ? [`tenant-${index}.example.com`, `*.tenant-${index}.example.org`] : ['api.example.com'];
  const route = compileRoute({ name: `route-${index}`, priority: 0, hosts, matches: [matchOf(shape, index)] });
  if ('problems' in route) throw new Error(JSON.stringify(route.problems));
  router.add(route, index);
}

function matchOf(shape: Shape, index: number): RouteMatch {
  const base = `/api/v${index % 10}/service-${index}`;
  const unconditional: RouteMatch = { path: { kind: 'prefix', value: base }, methods: ['GET'], headers: [], query: [] };
  switch (shape) {
    case 'exact':
      return { ...unconditional, path: { kind: 'exact', value: `${base}/users/4711` } };
    case 'template':
      return { ...unconditional, path: { kind: 'template', value: `${base}/users/{id}` } };
    case 'header':
      return { ...unconditional, headers: [{ name: 'x-api-version', condition: { kind: 'exact', value: '1' } }] };
    case 'prefix':
    case 'hosts':
      return unconditional;
    default:
      return shape satisfies never;
  }
}

function request(shape: Shape, index: number): RouteRequest {
  return {
    host: shape === 'hosts' ? `tenant-${index}.example.com` : 'api.example.com',
    path: `/api/v${index % 10}/service-${index}/users/4711`,
    query: '',
    method: 'GET',
    header: (name) => (name === 'x-api-version' ? '1' : undefined),
  };
}

function hotIndexes(count: number): number[] {
  return Array.from({ length: Math.min(HOT, count) }, (_, i) => Math.floor((i * count) / Math.min(HOT, count)));
}

function freshCopy(text: string): string {
  return `${text} `.slice(0, -1);
}
