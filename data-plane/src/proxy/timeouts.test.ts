import { CLOSED } from '@sluice/engine';
import { describe, expect, test } from 'vitest';
import { GET, gauges, OK } from './testing/failing-upstreams.ts';
import { simple } from './testing/manifests.ts';
import { OwnTime } from './testing/own-time.ts';
import { problemOf } from './testing/problem-of.ts';
import { ProxyRig } from './testing/proxy-rig.ts';

describe('timeouts', () => {
  test.each([
    ['timeout', { timeout: '200ms' }],
    ['perTryTimeout', { timeout: '10s', retry: { attempts: 0, perTryTimeout: '200ms' } }],
  ])('%s bounds the wait for the head: 504', async (_, spec) => {
    await using rig = await ProxyRig.start(simple(spec));
    const client = await rig.connect();
    using own = new OwnTime();
    const startedMs = performance.now();
    client.send(GET);
    const upstream = await rig.origin.accept();
    upstream.send('HTTP/1.1 200 OK\r\nX-Slow');
    expect(problemOf(await client.takeMessage())).toEqual({
      ...{ status: 504, code: 'upstream_timeout', proxyStatus: 'http_response_timeout' },
    });
    const elapsedMs = performance.now() - startedMs;
    expect(elapsedMs).toBeGreaterThanOrEqual(199);
    expect(own.ms).toBeLessThan(400);
    await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end');
    expect(gauges(rig)).toEqual([0, 0]);
  });

  test.each([
    ['streamIdleTimeout ends an answer that stands still', { streamIdleTimeout: '150ms' }, 0],
    ['maxDuration ends an exchange however lively', { maxDuration: '300ms' }, 20],
  ])('%s', async (_, spec, everyMs) => {
    await using rig = await ProxyRig.start(simple(spec));
    const client = await rig.connect();
    client.send(GET);
    const upstream = await rig.origin.acceptRequest();
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
    const sending = everyMs === 0 ? undefined : setInterval(() => upstream.send('x'), everyMs);
    expect(await client.takeEnding()).toBe('reset');
    clearInterval(sending);
    await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end');
    expect(gauges(rig)).toEqual([0, 0]);
  });

  test('a client that stops within its body gets 408, and no breaker hears of it', async () => {
    await using rig = await ProxyRig.start(simple({}, { circuitBreaker: { consecutiveFailures: 1 } }));
    rig.apply(
      JSON.stringify({
        kind: 'Listener',
        name: 'http',
        spec: { address: '127.0.0.1:80', limits: { bodyIdleTimeout: '150ms' } },
      }),
    );
    const client = await rig.connect();
    client.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    await (await rig.origin.accept()).take('abc');
    expect(problemOf(await client.takeMessage())).toMatchObject({ status: 408, code: 'request_timeout' });
    expect(rig.shared.breakers.view(rig.directory.services.slotOf('svc')!, rig.shared.clock.nowMs()).state).toBe(
      CLOSED,
    );
  });

  test('a head that does not end in time gets 408; a connection that sends nothing is just ended', async () => {
    await using rig = await ProxyRig.start(simple());
    rig.apply(
      JSON.stringify({
        ...{ kind: 'Listener', name: 'http' },
        spec: { address: '127.0.0.1:80', limits: { headerTimeout: '150ms', keepAliveTimeout: '100ms' } },
      }),
    );
    rig.origin.answer(() => OK);
    const slow = await rig.connect();
    slow.send('GET / HTTP/1.1\r\n');
    const dripping = setInterval(() => slow.send('X: y\r\n'), 20);
    expect(problemOf(await slow.takeMessage())).toMatchObject({ status: 408, code: 'request_timeout' });
    clearInterval(dripping);
    expect(await slow.takeEnding()).toBe('end');
    const silent = await rig.connect();
    expect(await silent.takeEnding()).toBe('end');
    expect(silent.received).toBe('');
    const kept = await rig.connect();
    kept.send(GET);
    await kept.takeMessage();
    expect(await kept.takeEnding()).toBe('end');
  });
});
