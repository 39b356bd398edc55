import { CLOSED } from '@sluice/engine';
import { describe, expect, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { simple } from '../testing/manifests.ts';
import { problemOf } from '../testing/problem-of.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import type { RawPeer } from '../testing/raw-peer.ts';
import { exposed, requestCounts } from '../testing/request-counts.ts';

const GET = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const connections = (perEndpoint: number, pending: number) => ({ connections: { perEndpoint, pending } });

function pendingOf(rig: ProxyRig): number {
  return rig.shared.columns.pending.total(rig.directory.services.slotOf('svc') as number);
}

async function waits(rig: ProxyRig, count: number): Promise<void> {
  await eventually(() => pendingOf(rig) === count, `${count} requests wait`);
}

/** A client whose request has reached the gateway behind those before it. */
async function ask(rig: ProxyRig, path: string, pending: number): Promise<RawPeer> {
  const client = await rig.connect();
  client.send(GET.replace('/x', path));
  await waits(rig, pending);
  return client;
}

function leftovers(rig: ProxyRig): number[] {
  const { columns } = rig.shared;
  const slots = [...rig.directory.endpoints.entries()].map(([, slot]) => slot);
  return slots.flatMap((slot) => [columns.inFlight.total(slot), columns.waiting.total(slot)]).concat(pendingOf(rig));
}

describe('a request beyond perEndpoint', () => {
  test('waits, is sent on the connection that comes back, in its turn; beyond pending it is 503 overloaded', async () => {
    await using rig = await ProxyRig.start(simple({}, connections(2, 2)));
    const running: RawPeer[] = [];
    const upstreams: RawPeer[] = [];
    for (const path of ['/1', '/2']) {
      running.push(await ask(rig, path, 0));
      const upstream = await rig.origin.acceptRequest();
      upstreams.push(upstream);
    }
    const waiting = [await ask(rig, '/3', 1), await ask(rig, '/4', 2)];
    const refused = await ask(rig, '/5', 2);
    const answer = await refused.takeMessage();
    expect(problemOf(answer)).toEqual({ status: 503, code: 'overloaded', proxyStatus: 'connection_limit_reached' });
    expect(answer.head).toContain('\r\nretry-after: 1\r\n');
    for (const [index, upstream] of upstreams.entries()) {
      upstream.send(OK);
      await running[index]!.takeMessage();
      expect(await upstream.takeHead()).toContain(`GET /${index + 3} `);
    }
    for (const [index, client] of waiting.entries()) {
      upstreams[index]!.send(OK);
      expect((await client.takeMessage()).body).toBe('ok');
    }
    expect(rig.origin.connections).toHaveLength(2);
    expect(leftovers(rig)).toEqual([0, 0, 0]);
    expect(exposed(rig)).toContain('gateway_overflow_total{what="pending"} 1\n');
  });

  test('goes on when the cap is raised, though no other request comes', async () => {
    await using rig = await ProxyRig.start(simple({}, connections(1, 2)));
    const running = await ask(rig, '/1', 0);
    const first = await rig.origin.acceptRequest();
    const waiting = await ask(rig, '/2', 1);
    rig.apply(simple({}, connections(2, 2)));
    const second = await rig.origin.acceptRequest();
    for (const upstream of [second, first]) upstream.send(OK);
    for (const client of [waiting, running]) expect((await client.takeMessage()).body).toBe('ok');
    expect(leftovers(rig)).toEqual([0, 0, 0]);
  });

  test('with pending 0 is refused at once', async () => {
    await using rig = await ProxyRig.start(simple({}, connections(1, 0)));
    const first = await ask(rig, '/1', 0);
    const upstream = await rig.origin.acceptRequest();
    expect(problemOf(await (await ask(rig, '/2', 0)).takeMessage()).code).toBe('overloaded');
    upstream.send(OK);
    expect((await first.takeMessage()).body).toBe('ok');
  });

  test('waits no longer than the route’s timeout: 504, and no breaker hears of it', async () => {
    await using rig = await ProxyRig.start(
      simple({ timeout: '200ms' }, { ...connections(1, 8), circuitBreaker: { consecutiveFailures: 2 } }),
    );
    rig.apply(
      JSON.stringify({
        ...{ kind: 'Route', name: 'long' },
        spec: { match: [{ path: { prefix: '/long' } }], service: 'svc', timeout: '10s' },
      }),
    );
    const long = await ask(rig, '/long', 0);
    const upstream = await rig.origin.acceptRequest();
    for (let n = 0; n < 3; n++) {
      const client = await rig.connect();
      client.send(GET);
      expect(problemOf(await client.takeMessage())).toEqual({
        ...{ status: 504, code: 'upstream_timeout', proxyStatus: 'connection_limit_reached' },
      });
    }
    const slot = rig.directory.services.slotOf('svc') as number;
    expect(rig.shared.breakers.view(slot, rig.shared.clock.nowMs()).state).toBe(CLOSED);
    upstream.send(OK);
    expect((await long.takeMessage()).body).toBe('ok');
    expect(leftovers(rig)).toEqual([0, 0, 0]);
  });

  test.each(['reset', 'end'] as const)('whose client leaves (%s) leaves the queue at once', async (leave) => {
    await using rig = await ProxyRig.start(simple({}, connections(1, 1)));
    const first = await ask(rig, '/1', 0);
    const upstream = await rig.origin.acceptRequest();
    const leaving = await ask(rig, '/2', 1);
    leaving[leave]();
    await waits(rig, 0);
    expect(requestCounts(rig)).toEqual([{ route: 'all', service: 'svc', status: '499', count: 1 }]);
    const next = await ask(rig, '/3', 1);
    upstream.send(OK);
    await first.takeMessage();
    expect(await upstream.takeHead()).toContain('GET /3 ');
    upstream.send(OK);
    await next.takeMessage();
    expect(leftovers(rig)).toEqual([0, 0, 0]);
  });

  test.each([
    ['one piece', 10, 'POST'],
    ['several pieces', 3, 'POST'],
    ['several pieces that may be sent again', 3, 'PUT'],
  ])('has its body sent whole, though it came in %s while there was no connection', async (_, size, method) => {
    await using rig = await ProxyRig.start(simple({ retry: { attempts: 1 } }, connections(1, 1)));
    const first = await ask(rig, '/1', 0);
    const upstream = await rig.origin.acceptRequest();
    const client = await rig.connect();
    const body = '0123456789';
    client.send(`${method} /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n`);
    await waits(rig, 1);
    for (let at = 0; at < body.length; at += size) {
      client.send(body.slice(at, at + size));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    upstream.send(OK);
    await first.takeMessage();
    expect((await upstream.takeMessage()).body).toBe(body);
    upstream.send(OK);
    expect((await client.takeMessage()).body).toBe('ok');
  });

  test('and with a body larger than what is read ahead has its client wait with the rest', async () => {
    await using rig = await ProxyRig.start(simple({ bodyBytes: '50MiB' }, connections(1, 1)));
    const first = await ask(rig, '/1', 0);
    const upstream = await rig.origin.acceptRequest();
    const client = await rig.connect();
    const size = 32 * 1024 * 1024;
    client.send(`POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    client.send(Buffer.alloc(size, 'x'));
    await waits(rig, 1);
    upstream.send(OK);
    await first.takeMessage();
    await upstream.takeHead();
    expect(await upstream.takeBytes(size)).toBe('x'.repeat(size));
    upstream.send(OK);
    expect((await client.takeMessage()).body).toBe('ok');
    expect(upstream.received).toBe('');
  });

  test('is told to continue with its body only when there is a connection for it', async () => {
    await using rig = await ProxyRig.start(simple({}, connections(1, 1)));
    const first = await ask(rig, '/1', 0);
    const upstream = await rig.origin.acceptRequest();
    const client = await rig.connect();
    client.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
    await waits(rig, 1);
    expect(client.received).toBe('');
    upstream.send(OK);
    await first.takeMessage();
    expect(await client.takeHead()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('abc');
    expect((await upstream.takeMessage()).body).toBe('abc');
    upstream.send(OK);
    expect((await client.takeMessage()).body).toBe('ok');
  });

  test('is sent on a new connection where the one before is closed, and a dead one is replaced in its turn', async () => {
    await using rig = await ProxyRig.start(simple({}, connections(1, 4)));
    const first = await ask(rig, '/1', 0);
    const one = await rig.origin.acceptRequest();
    const second = await ask(rig, '/2', 1);
    one.send(OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    await first.takeMessage();
    const two = await rig.origin.acceptRequest();
    two.send(OK);
    await second.takeMessage();
    // A connection from the pool that is reset when it is used again, while others wait.
    const third = await ask(rig, '/3', 0);
    await two.takeHead();
    const fourth = await ask(rig, '/4', 1);
    two.reset();
    for (const [client, path] of [
      [fourth, '/4'],
      [third, '/3'],
    ] as const) {
      const upstream = await rig.origin.accept();
      expect(await upstream.takeHead()).toContain(`GET ${path} `);
      upstream.send(OK);
      expect((await client.takeMessage()).body).toBe('ok');
    }
    expect(leftovers(rig)).toEqual([0, 0, 0]);
  });
});

test('a body that comes while its request waits for its next try is sent whole', async () => {
  await using rig = await ProxyRig.start(
    simple({ bodyBytes: '1MiB', retry: { attempts: 1, backoff: { base: '400ms', max: '400ms' } } }),
  );
  const size = 300_000;
  const client = await rig.connect();
  client.send(`PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
  const first = await rig.origin.acceptRequest();
  first.reset();
  client.send('x'.repeat(size));
  const second = await rig.origin.acceptRequest();
  expect(await second.takeBytes(size)).toBe('x'.repeat(size));
  second.send(OK);
  expect((await client.takeMessage()).body).toBe('ok');
});
