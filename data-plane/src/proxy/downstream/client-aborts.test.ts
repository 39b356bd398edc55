import { CLOSED } from '@sluice/engine';
import { describe, expect, test } from 'vitest';
import { eventually, settled } from '../testing/eventually.ts';
import { simple } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import type { RawPeer } from '../testing/raw-peer.ts';
import { requestCounts } from '../testing/request-counts.ts';

const GET = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';

async function ended(upstream: RawPeer): Promise<void> {
  await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end of the upstream connection');
}

function openGauges(rig: ProxyRig): number[] {
  const { columns } = rig.shared;
  const slots = [...rig.directory.endpoints.entries()].map(([, slot]) => slot);
  const inFlight = slots.map((slot) => columns.inFlight.total(slot));
  return [columns.process.total(0), columns.process.total(1), ...inFlight];
}

describe('a client that goes away', () => {
  test.each([
    ['before the first byte', GET, ''],
    ['within the answer', GET, 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'],
    ['within its body', 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello', ''],
  ])('%s ends the upstream’s work and counts as 499', async (_, request, answer) => {
    await using rig = await ProxyRig.start(simple());
    for (const leave of ['reset', 'destroy'] as const) {
      const client = await rig.connect();
      client.send(request);
      const upstream = await rig.origin.acceptRequest();
      if (answer !== '') {
        upstream.send(answer);
        await client.take('hello');
      }
      client[leave]();
      await ended(upstream);
    }
    expect(openGauges(rig)).toEqual([0, 0, 0]);
    expect(requestCounts(rig)).toEqual([{ route: 'all', service: 'svc', status: '499', count: 2 }]);
  });

  test('thousands of times leaves nothing behind', async () => {
    await using rig = await ProxyRig.start(simple());
    const leaveOnce = async () => {
      const client = await rig.connect();
      client.send(GET);
      client.destroy();
    };
    for (let i = 0; i < 150; i++) await Promise.all(Array.from({ length: 20 }, leaveOnce));
    await eventually(() => openGauges(rig).every((gauge) => gauge === 0), 'gauges at zero');
  });
});

describe('backpressure', () => {
  test('a client that does not read stops the upstream, and gets everything once it does', async () => {
    await using rig = await ProxyRig.start(simple());
    const size = 64 * 1024 * 1024;
    const client = await rig.connect();
    client.pause();
    client.send(GET);
    const upstream = await rig.origin.acceptRequest();
    upstream.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    upstream.send(Buffer.alloc(size, 'x'));
    expect(await settled(() => upstream.unsent)).toBeGreaterThan(size / 2);
    client.resume();
    await client.takeHead();
    await client.takeBytes(size);
  });

  test('an upstream that does not read stops the client', async () => {
    await using rig = await ProxyRig.start(simple({ bodyBytes: '100MiB' }));
    const size = 64 * 1024 * 1024;
    const client = await rig.connect();
    rig.origin.onConnection = (peer) => peer.pause();
    client.send(`POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    client.send(Buffer.alloc(size, 'x'));
    const upstream = await rig.origin.accept();
    expect(await settled(() => client.unsent)).toBeGreaterThan(size / 2);
    upstream.resume();
    await upstream.takeHead();
    await upstream.takeBytes(size);
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    expect((await client.takeMessage()).body).toBe('ok');
  });

  test('a client that reads nothing for streamIdleTimeout is cut off, and the upstream is not blamed', async () => {
    await using rig = await ProxyRig.start(
      simple({ streamIdleTimeout: '300ms' }, { circuitBreaker: { consecutiveFailures: 1 } }),
    );
    const client = await rig.connect();
    client.pause();
    client.send(GET);
    const upstream = await rig.origin.acceptRequest();
    const size = 16 * 1024 * 1024;
    upstream.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    upstream.send(Buffer.alloc(size, 'x'));
    await eventually(() => requestCounts(rig).length > 0, 'the end of the request');
    expect(requestCounts(rig)).toEqual([{ route: 'all', service: 'svc', status: '499', count: 1 }]);
    const slot = rig.directory.services.slotOf('svc') as number;
    expect(rig.shared.breakers.view(slot, rig.shared.clock.nowMs()).state).toBe(CLOSED);
  });

  test('a client that pipelines without reading gets only so many answers made', async () => {
    await using rig = await ProxyRig.start(simple({ match: [{ path: { prefix: '/other' } }] }));
    const client = await rig.connect();
    client.pause();
    const request = 'GET /none HTTP/1.1\r\nHost: a\r\n\r\n';
    client.send(request.repeat(50_000));
    const answered = () => requestCounts(rig)[0]?.count ?? 0;
    expect(await settled(answered)).toBeLessThan(50_000);
    client.resume();
    await eventually(() => answered() === 50_000, '50,000 answers');
  });
});
