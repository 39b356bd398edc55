import { hashTable, hashText, pickByHash } from '@sluice/engine';
import { connectRaw } from '../../harness/raw-client.ts';
import { waitFor } from '../../harness/wait-for.ts';
import type { FieldCase, World } from './field-case.ts';
import { BOTH, pair, service, shares } from './service-case.ts';

/** Which origin answered each of so many users. */
async function answeredBy({ ask }: World, count: number): Promise<(string | undefined)[]> {
  const origins: (string | undefined)[] = [];
  for (let n = 0; n < count; n++) {
    origins.push((await ask({ headers: { 'x-user': `user-${n}` } })).header('x-origin'));
  }
  return origins;
}

const originsOf = (origins: readonly (string | undefined)[]): number => new Set(origins).size;

/** The node's own zone is `here`. */
const ZONES = [
  { address: 'ORIGIN', zone: 'here' },
  { address: 'OTHER', zone: 'there' },
];

/** Has the second endpoint leave and come again. */
async function comesAgain({ admin }: World, name: string): Promise<void> {
  const { resource } = await admin.config.get({ ref: { kind: 'Service', name } });
  const whole = resource!.resource!;
  const spec = whole.spec as Extract<typeof whole.spec, { case: 'service' }>;
  const { endpoints } = spec.value;
  spec.value.endpoints = endpoints.slice(0, 1);
  await admin.waitUntilActive((await admin.config.apply({ resources: [whole] })).revision);
  spec.value.endpoints = endpoints;
  await admin.waitUntilActive((await admin.config.apply({ resources: [whole] })).revision);
}

export const balancingCases: readonly FieldCase[] = [
  service(
    ['Endpoint.weight'],
    { loadBalancing: { roundRobin: {} }, endpoints: [{ address: 'ORIGIN' }, { address: 'OTHER' }] },
    { loadBalancing: { roundRobin: {} }, endpoints: [{ address: 'ORIGIN' }, { address: 'OTHER', weight: 0 }] },
    { observe: async (world) => (await shares(world, 20)).other > 0, was: true, is: false },
  ),
  service(
    ['Service.load_balancing', 'LoadBalancing.round_robin', 'LoadBalancing.least_request'],
    { loadBalancing: { roundRobin: {} }, endpoints: [{ address: 'ORIGIN' }, { address: 'OTHER' }] },
    { loadBalancing: { leastRequest: {} }, endpoints: [{ address: 'ORIGIN' }, { address: 'OTHER' }] },
    {
      observe: async (world) => {
        // Requests that stay at one origin; then least request prefers the other, and round robin does not care.
        const { promise, resolve } = Promise.withResolvers<void>();
        world.origin.reply = async ({ target }) => {
          if (target === '/stay') await promise;
          return {};
        };
        const before = world.origin.requests.length;
        let answered = 0;
        const staying = Array.from({ length: 60 }, async () => {
          await world.ask({ target: '/stay' }).catch(() => undefined);
          answered++;
        });
        await waitFor('each is answered or held', () => answered + world.origin.requests.length - before === 60);
        const { main } = await shares(world, 30);
        resolve();
        await Promise.all(staying);
        return main >= 10;
      },
      was: true,
      is: false,
    },
  ),
  service(
    ['LoadBalancing.random'],
    { loadBalancing: { roundRobin: {} }, endpoints: [{ address: 'ORIGIN' }, { address: 'OTHER' }] },
    { loadBalancing: { random: {} }, endpoints: [{ address: 'ORIGIN' }, { address: 'OTHER' }] },
    {
      observe: async ({ port }) => {
        // On one connection, so that one worker chooses.
        const client = await connectRaw(port);
        const origins: (string | undefined)[] = [];
        for (let index = 0; index < 40; index++) origins.push((await client.request({}, 15_000)).header('x-origin'));
        client.end();
        return origins.every((origin, index) => origin !== origins[index + 1]) ? 'in turn' : 'not in turn';
      },
      was: 'in turn',
      is: 'not in turn',
    },
  ),
  {
    proves: ['LoadBalancing.consistent_hash'],
    key: 'Service/s',
    from: { spec: { endpoints: BOTH, loadBalancing: { random: {} } } },
    to: { spec: { endpoints: BOTH, loadBalancing: { consistentHash: { by: ['clientIp'] } } } },
    observe: async (world) => originsOf(await answeredBy(world, 30)),
    was: 2,
    is: 1,
  },
  {
    proves: ['ConsistentHash.by'],
    key: 'Service/s',
    from: { spec: { endpoints: BOTH, loadBalancing: { consistentHash: { by: ['clientIp'] } } } },
    to: { spec: { endpoints: BOTH, loadBalancing: { consistentHash: { by: ['header:x-user'] } } } },
    observe: async (world) => originsOf(await answeredBy(world, 30)),
    was: 1,
    is: 2,
  },
  {
    proves: ['ConsistentHash.algorithm'],
    key: 'Service/s',
    from: { spec: { endpoints: BOTH, loadBalancing: { consistentHash: { by: ['header:x-user'] } } } },
    to: {
      spec: { endpoints: BOTH, loadBalancing: { consistentHash: { by: ['header:x-user'], algorithm: 'maglev' } } },
    },
    observe: async (world) => {
      const origins = await answeredBy(world, 40);
      const endpoints = [world.origin, world.other].map(({ address }) => ({ address, weight: 1 }));
      return (['ring', 'maglev'] as const).filter((algorithm) => {
        const table = hashTable(endpoints, algorithm);
        return origins.every((origin, n) => {
          const chosen = pickByHash(table, hashText(`user-${n}`, 0), () => true);
          return origin === (chosen === 0 ? 'main' : 'other');
        });
      });
    },
    was: ['ring'],
    is: ['maglev'],
  },
  pair(
    ['LoadBalancing.zone_aware'],
    'o6',
    { endpoints: ZONES },
    { endpoints: ZONES, loadBalancing: { zoneAware: true } },
    { observe: async (world) => (await shares(world, 20)).other > 0, was: true, is: false },
  ),
  pair(
    ['Endpoint.zone'],
    'o7',
    {
      endpoints: [
        { address: 'ORIGIN', zone: 'here' },
        { address: 'OTHER', zone: 'here' },
      ],
      loadBalancing: { zoneAware: true },
    },
    { endpoints: ZONES, loadBalancing: { zoneAware: true } },
    { observe: async (world) => (await shares(world, 20)).other > 0, was: true, is: false },
  ),
  pair(
    ['LoadBalancing.slow_start'],
    'o5',
    {},
    { loadBalancing: { slowStart: '1h' } },
    {
      observe: async (world) => {
        await comesAgain(world, 'o5');
        return (await shares(world, 40)).other > 12;
      },
      was: true,
      is: false,
    },
  ),
];
