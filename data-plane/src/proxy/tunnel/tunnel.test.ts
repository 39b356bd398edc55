import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ACTIVE_CONNECTIONS, ACTIVE_REQUESTS, ACTIVE_TUNNELS, createExposition } from '../../shared/index.ts';
import { eventually, settled } from '../testing/eventually.ts';
import { manifestsOf, route, service } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import { requestCounts } from '../testing/request-counts.ts';
import { frame, handshake, maskedFrame, openTunnel, unmaskedCode, webSockets } from '../testing/web-socket.ts';

/** Connections, requests, tunnels; in flight at the endpoints. */
function gauges(rig: ProxyRig): number[] {
  const { columns } = rig.shared;
  const slots = [...rig.directory.endpoints.entries()].map(([, slot]) => slot);
  const open = [ACTIVE_CONNECTIONS, ACTIVE_REQUESTS, ACTIVE_TUNNELS].map((gauge) => columns.process.total(gauge));
  return [
    ...open,
    ...slots.map((slot) => columns.inFlight.total(slot)),
    ...slots.map((slot) => columns.connections.total(slot)),
  ];
}

/** Samples of a metric by the value of a label. */
function byLabel(rig: ProxyRig, metric: string, label: string): Record<string, number> {
  const { shared, directory } = rig;
  const text = [...createExposition({ shared, directory, breakers: () => [], families: () => [] })()].join('');
  const samples = text.matchAll(new RegExp(`^${metric}\\{.*${label}="(\\w+)".*\\} (\\d+)$`, 'gm'));
  return Object.fromEntries([...samples].map(([, value, count]) => [value, Number(count)]));
}

const endings = (rig: ProxyRig) => byLabel(rig, 'gateway_tunnels_total', 'ending');

describe('an open tunnel', () => {
  test('is counted, holds its place at the endpoint, and is no active request', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const { client, upstream } = await openTunnel(rig);
    expect(requestCounts(rig)).toEqual([{ route: 'all', service: 'svc', status: '101', count: 1 }]);
    expect(gauges(rig)).toEqual([1, 0, 1, 1, 1]);
    client.send(maskedFrame('hello'));
    await upstream.take('hello');
    upstream.send(frame('hi'));
    await client.take('hi');
    expect(byLabel(rig, 'gateway_tunnel_bytes_total', 'direction')).toEqual({ up: 11, down: 4 });
    upstream.end();
    client.end();
    await Promise.all([client.takeEnding(), upstream.takeEnding()]);
    await eventually(() => gauges(rig).every((gauge) => gauge === 0), 'gauges at zero');
    expect(endings(rig)).toEqual({ upstream: 1 });
    expect(requestCounts(rig)[0]?.count).toBe(1);
  });

  test('carries large transfers both ways at once, to ends that read in fits and starts', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const { client, upstream } = await openTunnel(rig);
    const size = 24 * 1024 * 1024;
    const [up, down] = [Buffer.alloc(size), Buffer.alloc(size)];
    for (let i = 0; i < size; i++) up[i] = down[size - 1 - i] = (i * 7) ^ (i >>> 11);
    client.send(up);
    upstream.send(down);
    let turn = 0;
    const stutter = setInterval(() => {
      const peer = turn % 2 === 0 ? client : upstream;
      if (turn++ % 4 < 2) peer.pause();
      else peer.resume();
    }, 2);
    const [atUpstream, atClient] = await Promise.all([upstream.takeBytes(size), client.takeBytes(size)]);
    clearInterval(stutter);
    expect(Buffer.from(atUpstream, 'latin1').equals(up)).toBe(true);
    expect(Buffer.from(atClient, 'latin1').equals(down)).toBe(true);
  });

  test('stops whoever sends to an end that does not read', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const size = 64 * 1024 * 1024;
    for (const reader of ['client', 'upstream'] as const) {
      const tunnel = await openTunnel(rig);
      const sender = tunnel[reader === 'client' ? 'upstream' : 'client'];
      tunnel[reader].pause();
      sender.send(Buffer.alloc(size, 'x'));
      expect(await settled(() => sender.unsent)).toBeGreaterThan(size / 2);
      tunnel[reader].resume();
      await tunnel[reader].takeBytes(size);
    }
  });

  // Linux says which timers a connection has, in /proc/net/tcp.
  test.skipIf(process.platform !== 'linux')('asks the kernel whether its ends are still there', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const { client, upstream } = await openTunnel(rig);
    client.send(maskedFrame('x'));
    upstream.send(frame('y'));
    await Promise.all([client.take('y'), upstream.take('x')]);
    const originPort = Number(rig.origin.address.split(':')[1]);
    const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
    /** Whether the gateway's side of each connection has the keep-alive timer (2). */
    const timers = () =>
      readFileSync('/proc/net/tcp', 'latin1')
        .split('\n')
        .map((line) => /^ *\d+: \w+:(\w+) \w+:(\w+) 01 \w+:\w+ (\d\d):/.exec(line))
        .filter((match) => match?.[1] === hex(rig.port) || match?.[2] === hex(originPort))
        .map((match) => match?.[3]);
    await eventually(() => timers().length === 2 && timers().every((timer) => timer === '02'), 'keep-alive timers');
  });
});

describe('each way ends by itself', () => {
  test('what the client still gets after it sent its last comes whole', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const { client, upstream } = await openTunnel(rig);
    client.send(maskedFrame('last'));
    client.end();
    expect(await upstream.takeEnding()).toBe('end');
    expect(upstream.received).toBe(maskedFrame('last'));
    for (const text of ['one', 'two']) {
      upstream.send(frame(text));
      await client.take(text);
    }
    upstream.end();
    expect(await client.takeEnding()).toBe('end');
    await eventually(() => gauges(rig).every((gauge) => gauge === 0), 'gauges at zero');
    expect(endings(rig)).toEqual({ client: 1 });
  });

  test('and the same the other way round', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const { client, upstream } = await openTunnel(rig);
    upstream.send(frame('last'));
    upstream.end();
    expect(await client.takeEnding()).toBe('end');
    expect(client.received).toBe(frame('last'));
    for (const text of ['one', 'two']) {
      client.send(maskedFrame(text));
      await upstream.take(text);
    }
    client.end();
    expect(await upstream.takeEnding()).toBe('end');
    await eventually(() => gauges(rig).every((gauge) => gauge === 0), 'gauges at zero');
    expect(endings(rig)).toEqual({ upstream: 1 });
  });

  test('what was sent before the end arrives though the reader is slow', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const { client, upstream } = await openTunnel(rig);
    const size = 32 * 1024 * 1024;
    client.pause();
    upstream.send(Buffer.alloc(size, 'x'));
    upstream.end();
    await settled(() => upstream.unsent);
    client.resume();
    await client.takeBytes(size);
    expect(await client.takeEnding()).toBe('end');
    client.end();
    await eventually(() => gauges(rig).every((gauge) => gauge === 0), 'gauges at zero');
  });

  test.each(['client', 'upstream'] as const)('a reset of the %s ends both connections', async (from) => {
    await using rig = await ProxyRig.start(webSockets());
    const tunnel = await openTunnel(rig);
    tunnel[from].reset();
    const other = tunnel[from === 'client' ? 'upstream' : 'client'];
    await other.until(() => other.ending !== 'open' || other.closed, 'the end');
    if (from === 'upstream') expect(other.ending).toBe('reset');
    await eventually(() => gauges(rig).every((gauge) => gauge === 0), 'gauges at zero');
    expect(endings(rig)).toEqual({ [from]: 1 });
  });

  test('an upstream that has closed and resets lets the client have what it sent', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const { client, upstream } = await openTunnel(rig);
    upstream.send(frame('bye'));
    upstream.end();
    await client.takeEnding();
    upstream.destroy();
    // The reset is found at the write after the one that brought it about.
    const sending = setInterval(() => client.send(maskedFrame('nobody hears this')), 5);
    await eventually(() => endings(rig).upstream === 1, 'the end');
    clearInterval(sending);
    expect(client.received).toBe(frame('bye'));
    expect(client.ending).toBe('end');
  });
});

const MUCH = Buffer.alloc(64 * 1024 * 1024, 'x');

describe('a tunnel that', () => {
  test('is idle for streamIdleTimeout is closed with 1001 on both sides', async () => {
    await using rig = await ProxyRig.start(webSockets({ streamIdleTimeout: '300ms' }));
    const { client, upstream } = await openTunnel(rig);
    expect(unmaskedCode(await upstream.takeBytes(8))).toBe(1001);
    expect(await client.takeBytes(4)).toBe('\x88\x02\x03\xe9');
    client.send(maskedFrame('\x03\xe9', 8));
    upstream.send(frame('\x03\xe9', 8));
    expect(await client.takeEnding()).toBe('end');
    client.end();
    upstream.end();
    await eventually(() => gauges(rig).every((gauge) => gauge === 0), 'gauges at zero');
    // Answers to its own Close frames are not passed on.
    expect([client.received, upstream.received, endings(rig)]).toEqual(['', '', { idle: 1 }]);
  });

  test('moves at all, either way, is not idle', async () => {
    await using rig = await ProxyRig.start(webSockets({ streamIdleTimeout: '600ms' }));
    const { client, upstream } = await openTunnel(rig);
    const since = performance.now();
    for (let i = 0; performance.now() - since < 1500; i++) {
      if (i % 2 === 0) client.send(maskedFrame(`${i};`));
      else upstream.send(frame(`${i};`));
      await (i % 2 === 0 ? upstream : client).take(`${i};`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(endings(rig)).toEqual({});
  });

  test('lasts for maxDuration is closed, however much moves', async () => {
    await using rig = await ProxyRig.start(webSockets({ maxDuration: '400ms' }));
    const { client, upstream } = await openTunnel(rig);
    const busy = setInterval(() => client.send(maskedFrame('x')), 5);
    expect(await client.takeBytes(4)).toBe('\x88\x02\x03\xe9');
    clearInterval(busy);
    await upstream.until(() => upstream.received.length % 7 === 1, 'Close frame');
    expect(upstream.received.slice(0, -8)).toMatch(/^(?:\x81\x81\0\0\0\0x)+$/);
    expect(unmaskedCode(upstream.received.slice(-8))).toBe(1001);
    expect(endings(rig)).toEqual({});
    await client.takeEnding();
    await eventually(() => endings(rig).max_duration === 1, 'the end');
  });

  test.each(['client', 'upstream'] as const)(
    'has a %s that reads nothing for streamIdleTimeout is cut, though the other way moves',
    async (deaf) => {
      await using rig = await ProxyRig.start(webSockets({ streamIdleTimeout: '500ms' }));
      const tunnel = await openTunnel(rig);
      const sender = tunnel[deaf === 'client' ? 'upstream' : 'client'];
      const [alive, toSender] = deaf === 'client' ? [maskedFrame('alive'), 'alive'] : [frame('alive'), 'alive'];
      tunnel[deaf].pause();
      sender.send(MUCH);
      const moving = setInterval(() => {
        if (!tunnel[deaf].closed) tunnel[deaf].send(alive);
      }, 20);
      await sender.take(toSender);
      await eventually(() => endings(rig).stalled === 1, 'the cut');
      clearInterval(moving);
      await eventually(() => gauges(rig).every((gauge) => gauge === 0), 'gauges at zero');
      expect(await sender.takeEnding()).toBe('reset');
    },
  );

  test('is read slowly, but read, is not cut', async () => {
    await using rig = await ProxyRig.start(webSockets({ streamIdleTimeout: '400ms' }));
    const { client, upstream } = await openTunnel(rig);
    client.pause();
    upstream.send(Buffer.alloc(24 * 1024 * 1024, 'x'));
    await settled(() => upstream.unsent);
    const since = performance.now();
    while (performance.now() - since < 2000) {
      client.resume();
      await new Promise((resolve) => setTimeout(resolve, 4));
      client.pause();
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(endings(rig)).toEqual({});
    client.resume();
    await client.takeBytes(24 * 1024 * 1024);
  });
});

describe('a change of the configuration', () => {
  test('cuts no tunnel, not even one whose route, service and endpoint are gone', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const { client, upstream } = await openTunnel(rig);
    rig.apply(webSockets({ responseHeaders: { set: { x: 'y' } } }));
    rig.commit({
      upserts: [],
      removals: [
        { kind: 'Route', name: 'all' },
        { kind: 'Service', name: 'svc' },
      ],
    });
    const after = await rig.connect();
    after.send(handshake());
    expect(await after.takeHead()).toMatch(/^HTTP\/1.1 404 /);
    // Past the housekeeping that closes what the configuration no longer has.
    await new Promise((resolve) => setTimeout(resolve, 1200));
    client.send(maskedFrame('still'));
    await upstream.take('still');
    upstream.send(frame('here'));
    await client.take('here');
  });

  const withKey = manifestsOf(
    service(),
    route({ webSocket: true, auth: { anyOf: [{ apiKey: {} }], optional: true } }),
    { kind: 'Consumer', name: 'c', spec: {} },
    { kind: 'Consumer', name: 'd', spec: {} },
  );
  const revocations: [string, (rig: ProxyRig) => void][] = [
    ['its key is removed', (rig) => rig.commit({ upserts: [], removals: [{ kind: 'ApiKey', name: 'key-one' }] })],
    ['its key is disabled', (rig) => rig.addKey('one', 'c', { enabled: false })],
    ['its consumer is removed', (rig) => rig.commit({ upserts: [], removals: [{ kind: 'Consumer', name: 'c' }] })],
    ['its key goes to another consumer', (rig) => rig.addKey('one', 'd')],
    [
      'its secret is replaced and the grace is over',
      (rig) => {
        const endsMs = BigInt(Date.now() + 300);
        const previousExpiresAt = { seconds: endsMs / 1000n, nanos: Number(endsMs % 1000n) * 1_000_000 };
        rig.addKey('one', 'c', {
          hash: new Uint8Array(32),
          previousHash: createHash('sha256').update('one').digest(),
          previousExpiresAt,
        });
      },
    ],
  ];

  test.each(revocations)('closes a tunnel with 1008 where %s, and no other', async (_, revoke) => {
    await using rig = await ProxyRig.start(withKey);
    rig.addKey('one', 'c');
    rig.addKey('two', 'd');
    const revoked = await openTunnel(rig, { 'x-api-key': 'one' });
    const others = [await openTunnel(rig, { 'x-api-key': 'two' }), await openTunnel(rig)];
    revoke(rig);
    expect(await revoked.client.takeBytes(4)).toBe('\x88\x02\x03\xf0');
    expect(unmaskedCode(await revoked.upstream.takeBytes(8))).toBe(1001);
    revoked.client.end();
    revoked.upstream.end();
    await revoked.client.takeEnding();
    for (const { client, upstream } of others) {
      client.send(maskedFrame('still'));
      await upstream.take('still');
    }
    await eventually(() => endings(rig).revoked === 1, 'the end');
  });

  test('an expiry that was known from the start closes nothing', async () => {
    await using rig = await ProxyRig.start(withKey);
    const endsMs = BigInt(Date.now() + 1500);
    rig.addKey('one', 'c', { expiresAt: { seconds: endsMs / 1000n, nanos: Number(endsMs % 1000n) * 1_000_000 } });
    const { client, upstream } = await openTunnel(rig, { 'x-api-key': 'one' });
    await new Promise((resolve) => setTimeout(resolve, 2800));
    rig.addKey('two', 'd');
    client.send(maskedFrame('still'));
    await upstream.take('still');
    expect(endings(rig)).toEqual({});
  });
});
