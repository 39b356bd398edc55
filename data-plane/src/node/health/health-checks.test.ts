import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import type { HealthCheckPlan, ServicePlan } from '@sluice/engine';
import { afterEach, describe, expect, test } from 'vitest';
import { attachShared, createSharedRegion, type EndpointHealth, OVERFLOW_SLOT } from '../../shared/index.ts';
import { HealthChecks } from './health-checks.ts';

const CHECK: HealthCheckPlan = {
  probe: { kind: 'http', path: '/health', statuses: [{ from: 200, to: 204 }] },
  intervalMs: 20,
  timeoutMs: 5_000,
  healthyAfter: 2,
  unhealthyAfter: 2,
};

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function startChecks(): { checks: HealthChecks; health: EndpointHealth; lines: string[] } {
  const { endpointHealth } = attachShared(createSharedRegion({ workers: 1 }));
  const lines: string[] = [];
  const note = (message: string, fields: object = {}): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const checks = new HealthChecks(endpointHealth, { debug: note, info: note, warn: note, error: note });
  closing.push(() => checks.close());
  return { checks, health: endpointHealth, lines };
}

async function listen(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

const startHttp = (answer: RequestListener): Promise<number> => listen(createServer(answer));

/** A service with endpoints at these ports; the slot of each is its place. */
function serviceAt(ports: readonly number[], healthCheck: HealthCheckPlan | undefined, firstSlot = 2): ServicePlan {
  return {
    name: 's',
    slot: 2,
    enabled: true,
    isDiscovered: false,
    balancer: { kind: 'leastRequest' },
    panicPercent: 50,
    outliers: undefined,
    slowStartMs: 0,
    preferredZone: undefined,
    breaker: undefined,
    connectTimeoutMs: 1_000,
    idleTimeoutMs: 1_000,
    connectionsPerEndpoint: 10,
    pendingRequests: 10,
    maxConcurrentRequests: 0,
    healthCheck,
    endpoints: ports.map((port, index) => ({
      address: `127.0.0.1:${port}`,
      host: '127.0.0.1',
      port,
      weight: 1,
      zone: '',
      priority: 0,
      slot: firstSlot + index,
    })),
  };
}

describe('an endpoint', () => {
  test('is unhealthy after so many failures, and healthy after so many successes', async () => {
    let status = 200;
    let seen = 0;
    const port = await startHttp((request, response) => {
      expect([request.method, request.url, request.headers['user-agent']]).toEqual([
        'GET',
        '/health',
        'sluice-health-check',
      ]);
      seen++;
      response.writeHead(status).end('x'.repeat(10_000));
    });
    const { checks, health, lines } = startChecks();
    checks.put(serviceAt([port], CHECK));
    await expect.poll(() => seen).toBeGreaterThan(2);
    expect(health.isHealthy(2)).toBe(true);
    status = 503;
    await expect.poll(() => health.isHealthy(2)).toBe(false);
    status = 204;
    await expect.poll(() => health.isHealthy(2)).toBe(true);
    expect(lines).toEqual([
      `endpoint is unhealthy {"service":"s","endpoint":"127.0.0.1:${port}","reason":"status 503"}`,
      `endpoint is healthy {"service":"s","endpoint":"127.0.0.1:${port}"}`,
    ]);
  });

  test.each([
    ['accepts and says nothing', () => undefined, 'no answer within 300 ms'],
    ['speaks something else', (socket: Socket) => socket.end('SSH-2.0-x\r\n'), 'does not match the HTTP/1.1 protocol'],
    ['closes', (socket: Socket) => socket.destroy(), 'UND_ERR_SOCKET'],
    [
      'never ends its head',
      (socket: Socket) => socket.write(`HTTP/1.1 200 OK\r\nX: ${'a'.repeat(100_000)}`),
      'HEADERS',
    ],
  ])('that %s is unhealthy by HTTP and well by TCP', async (_, behave, reason) => {
    const server = createTcpServer((socket) => {
      closing.push(() => socket.destroy());
      socket.on('error', () => undefined).resume();
      behave(socket);
    });
    const port = await listen(server);
    const { checks, health, lines } = startChecks();
    checks.put(serviceAt([port], { ...CHECK, timeoutMs: reason.startsWith('no answer') ? 300 : 10_000 }));
    await expect.poll(() => health.isHealthy(2)).toBe(false);
    expect(lines.join('\n')).toContain(reason);
    checks.put(serviceAt([port], { ...CHECK, probe: { kind: 'tcp' } }));
    await expect.poll(() => health.isHealthy(2)).toBe(true);
  });

  test('that refuses connections is unhealthy, and forgotten with its service', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    server.close();
    await once(server, 'close');
    const { checks, health, lines } = startChecks();
    checks.put(serviceAt([port], { ...CHECK, probe: { kind: 'tcp' } }));
    await expect.poll(() => health.isHealthy(2)).toBe(false);
    expect(lines[0]).toContain('ECONNREFUSED');
    checks.remove('s');
    expect([checks.size, health.isHealthy(2)]).toEqual([0, true]);
  });

  test('keeps what is known of it when its service changes, and nothing when it is checked no more', async () => {
    const port = await startHttp((_, response) => response.writeHead(500).end());
    const { checks, health } = startChecks();
    checks.put(serviceAt([port], CHECK));
    await expect.poll(() => health.isHealthy(2)).toBe(false);
    checks.put(serviceAt([port, port], { ...CHECK, intervalMs: 3_600_000 }));
    expect([checks.size, health.isHealthy(2)]).toEqual([2, false]);
    checks.put(serviceAt([port, port], undefined));
    expect([checks.size, health.isHealthy(2)]).toEqual([0, true]);
  });
});

test('endpoints that found no slot are not probed: one that fails keeps no other from being used', async () => {
  const server = createTcpServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  const { checks, health } = startChecks();
  checks.put(serviceAt([port, port], { ...CHECK, probe: { kind: 'tcp' } }, OVERFLOW_SLOT));
  expect(checks.size).toBe(1);
  await expect.poll(() => health.isHealthy(OVERFLOW_SLOT + 1)).toBe(false);
  expect(health.isHealthy(OVERFLOW_SLOT)).toBe(true);
});

test('ten thousand revisions leave one prober for each endpoint, and none behind', async () => {
  let open = 0;
  let most = 0;
  const port = await startHttp((request, response) => {
    most = Math.max(most, ++open);
    request.socket.once('close', () => open--);
    response.end();
  });
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  const { checks } = startChecks();
  for (let revision = 0; revision < 10_000; revision++) {
    checks.put(serviceAt([port, port, port], { ...CHECK, intervalMs: 20 + (revision % 7) }, 2 + (revision % 5)));
    if (revision % 500 === 0) await new Promise(setImmediate);
  }
  expect(checks.size).toBe(3);
  expect(timers() - before).toBeLessThanOrEqual(3);
  await expect.poll(() => most).toBeGreaterThan(0);
  checks.close();
  await expect.poll(() => open).toBe(0);
  expect(checks.size).toBe(0);
  await expect.poll(() => timers() - before).toBeLessThanOrEqual(0);
});
