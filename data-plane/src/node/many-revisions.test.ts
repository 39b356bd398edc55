/** A node that lives long: what ten thousand revisions leave behind in it. */
import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { OneThreadNode } from './testing/one-thread-node.ts';

const REVISIONS = 10_000;
const NAMES = 30;
const MOST_ENDPOINTS = NAMES * 4;
/** Slots of no name and of those that found none. */
const RESERVED = 2;
/** What 8,000 revisions, which write some 20 MiB, may leave: names that came once have their slots for good. */
const KEPT_KIB = 4096;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('ten thousand revisions that change, add and remove everything leave no memory, timer, socket or prober behind', {
  timeout: 120_000,
}, async () => {
  const origin = createServer((request, response) => {
    const body = request.url === '/jwks' ? '{"keys":[]}' : '';
    response.setHeader('content-length', body.length).end(body);
  }).listen(0, '0.0.0.0');
  await once(origin, 'listening');
  const { port: originPort } = origin.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await using node = new OneThreadNode([`127.0.0.1:${originPort}`]);
  const port = await node.start();
  const ask = (path: string, at = port) => answerOf(agent, at, path);

  const services = new Map<string, { readonly endpoints: number; readonly checked: boolean; readonly dns: boolean }>();
  const routes = new Map<string, string>();
  const random = numbers(7);
  const any = (below: number) => Math.floor(random() * below);

  /** Two or three of the resources put or removed. */
  const revise = async (revision: number): Promise<void> => {
    const manifests = new Map<string, object>();
    const removals: { kind: string; name: string }[] = [];
    const put = (kind: string, name: string, spec: object) => manifests.set(`${kind}/${name}`, { kind, name, spec });
    for (let i = 0; i < 3; i++) {
      const name = `n${any(NAMES)}`;
      if (manifests.has(`Service/${name}`) || manifests.has(`Route/${name}`)) continue;
      const what = any(10);
      if (what < 4) {
        const variant = any(6);
        const { spec, ...written } = serviceOf(variant, originPort);
        // While DNS has no answer, a service keeps what it listed before.
        services.set(name, {
          ...written,
          endpoints: written.dns ? (services.get(name)?.endpoints ?? 0) : written.endpoints,
        });
        put('Service', name, spec);
      } else if (what < 8) {
        const service = `n${any(5) * 6}`;
        // Now and then a name that was never there before and never comes again.
        const route = any(20) === 0 ? `once-${revision}` : name;
        if (!services.has(service) || removals.some((each) => each.name === service)) continue;
        const variant = any(4);
        put('Policy', `p${variant}`, { rateLimits: [limitOf('shared', any(4))] });
        routes.set(route, service);
        put('Route', route, routeOf(route, service, variant));
      } else if (what === 8) {
        for (const [route] of [...routes].filter(([each]) => each === name || each.startsWith('once-'))) {
          if (manifests.has(`Route/${route}`)) continue;
          routes.delete(route);
          removals.push({ kind: 'Route', name: route });
        }
      } else if (services.has(name) && ![...routes.values()].includes(name)) {
        services.delete(name);
        removals.push({ kind: 'Service', name });
      }
    }
    if (revision % 20 === 0) {
      const jwks = { url: `http://127.0.0.1:${originPort}/jwks`, allowHttp: true, refresh: `${60 + any(3)}s` };
      put('Issuer', `i${any(3)}`, { issuer: `https://i${any(3)}.example`, algorithms: ['ES256'], jwks });
    }
    await node.change([...manifests.values()], removals);
  };

  const readings: Reading[] = [];
  for (let revision = 1; revision <= REVISIONS; revision++) {
    await revise(revision);
    if (revision % 8 === 0 && routes.size > 0) await ask(`/${[...routes.keys()][any(routes.size)]}`);
    if (revision % 2000 === 0) readings.push(await read());
    else if (revision % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  // From the second thousand on: by then code is compiled, and every name but those that come once was there.
  const [first, last] = [readings[0]!, readings.at(-1)!];
  expect(last.heapKiB - first.heapKiB).toBeLessThan(KEPT_KIB);
  expect(last.outsideKiB - first.outsideKiB).toBeLessThan(KEPT_KIB);
  // Both ends of each connection are here; each endpoint has one at most that is idle, and one that is a probe's.
  expect(last.sockets).toBeLessThan(4 * MOST_ENDPOINTS + 10);
  expect(last.timers).toBeLessThanOrEqual(first.timers + 5);
  expect(node.directory.services.used).toBeLessThanOrEqual(NAMES + RESERVED);
  expect(node.directory.endpoints.used).toBeLessThanOrEqual(MOST_ENDPOINTS + RESERVED);

  const probed = [...services.values()].reduce((sum, { endpoints, checked }) => sum + (checked ? endpoints : 0), 0);
  expect(node.healthChecks.size).toBe(probed);
  expect(node.resolvers).toBe([...services.values()].filter(({ dns }) => dns).length);

  const fresh = await node.startFreshWorker();
  for (const route of [...routes.keys(), 'once-1', 'nowhere']) {
    expect(await ask(`/${route}`, fresh)).toEqual(await ask(`/${route}`));
  }
  expect(node.bugs).toEqual([]);
  agent.destroy();
  origin.close();
  origin.closeAllConnections();
});

interface Reading {
  readonly heapKiB: number;
  readonly outsideKiB: number;
  readonly sockets: number;
  readonly timers: number;
}

async function read(): Promise<Reading> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    collectGarbage();
  }
  const { external, arrayBuffers } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  const count = (name: string) => resources.filter((each) => each === name).length;
  return {
    heapKiB: Math.round(getHeapStatistics().used_heap_size / 1024),
    outsideKiB: Math.round((external + arrayBuffers) / 1024),
    sockets: count('TCPSocketWrap'),
    timers: count('Timeout'),
  };
}

/** Few variants of each: what is parsed once need not be parsed again, and the test is not one of parsing. */
function serviceOf(variant: number, port: number) {
  const endpoints = 1 + (variant % 4);
  const checked = variant % 2 === 0;
  const dns = variant === 5;
  const spec = {
    ...(dns
      ? { discovery: { dns: { name: 'nowhere.test', port, refresh: '60s' } } }
      : { endpoints: Array.from({ length: endpoints }, (_, i) => ({ address: `127.0.0.${1 + i}:${port}` })) }),
    ...(checked && { healthCheck: { tcp: {}, interval: `${300 + variant}s`, timeout: '1s' } }),
    circuitBreaker: { consecutiveFailures: 1000 + variant },
    loadBalancing: variant === 1 ? { consistentHash: { by: ['clientIp'], algorithm: 'ring' } } : { roundRobin: {} },
    timeout: `${5 + variant}s`,
  };
  return { spec, endpoints, checked, dns };
}

function routeOf(name: string, service: string, variant: number): object {
  return {
    match: [{ path: { prefix: `/${name}` } }],
    service,
    policies: [`p${variant}`],
    rateLimits: [limitOf(`own${variant % 2}`, variant)],
    responseHeaders: { set: { 'x-route': `${name} ${variant}` } },
  };
}

function limitOf(name: string, variant: number): object {
  const numbers = { requests: 1_000_000 + variant, per: '1s' };
  return { name, by: ['clientIp'], ...(variant % 2 === 0 ? { tokenBucket: numbers } : { slidingWindow: numbers }) };
}

async function answerOf(agent: Agent, port: number, path: string): Promise<readonly unknown[]> {
  const request = get({ agent, port, host: '127.0.0.1', path });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  return [response.statusCode, response.headers['x-route']];
}

/** The same numbers in every run (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
