import { describe, expect, test } from 'vitest';
import { ACTIVE_CONNECTIONS } from '../../shared/index.ts';
import { eventually } from '../testing/eventually.ts';
import { manifestsOf, route, service } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';

/** A listener with limits, and a route for /r; everything else is refused. */
const withLimits = (limits: object): string =>
  manifestsOf(
    { kind: 'Listener', name: 'http', spec: { address: '127.0.0.1:80', limits } },
    service(),
    route({ match: [{ path: { prefix: '/r' } }] }),
  );

const open = (rig: ProxyRig): number => rig.shared.columns.process.total(ACTIVE_CONNECTIONS);

describe('a client that was answered before its body came', () => {
  const request = 'POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc';

  test('has bodyIdleTimeout for the rest in all, however it drips', async () => {
    await using rig = await ProxyRig.start(withLimits({ bodyIdleTimeout: '300ms' }));
    const client = await rig.connect();
    client.send(request);
    expect((await client.takeMessage()).head).not.toContain('connection: close');
    const dripping = setInterval(() => client.send('x'), 20);
    expect(await client.takeEnding()).toBe('end');
    clearInterval(dripping);
    expect(client.received).toBe('');
  });

  test('keeps its connection where the rest comes in time, and no clock of the body runs on', async () => {
    await using rig = await ProxyRig.start(withLimits({ bodyIdleTimeout: '1s' }));
    const client = await rig.connect();
    client.send(request);
    await client.takeMessage();
    client.send('x'.repeat(997));
    const startedMs = rig.shared.clock.nowMs();
    await eventually(() => rig.shared.clock.nowMs() - startedMs > 1300, 'more than that time has passed');
    client.send('GET /none HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.takeMessage()).head).toMatch(/^HTTP\/1.1 404 /);
  });
});

describe('a client that pipelines and reads no answer', () => {
  const many = 'GET /none HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(50_000);

  test('is cut once it has read nothing for keepAliveTimeout', async () => {
    await using rig = await ProxyRig.start(withLimits({ keepAliveTimeout: '200ms' }));
    const client = await rig.connect();
    client.pause();
    client.send(many);
    await eventually(() => open(rig) === 0, 'the connection is cut');
  });

  test('but reads, however slowly, is not', async () => {
    await using rig = await ProxyRig.start(withLimits({ keepAliveTimeout: '1s' }));
    const client = await rig.connect();
    client.pause();
    client.send(many);
    const reading = setInterval(() => {
      client.resume();
      setImmediate(() => client.pause());
    }, 100);
    const startedMs = rig.shared.clock.nowMs();
    await eventually(() => rig.shared.clock.nowMs() - startedMs > 2500, 'several times that time has passed');
    clearInterval(reading);
    expect(open(rig)).toBe(1);
  });
});
