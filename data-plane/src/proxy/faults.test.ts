import { describe, expect, test } from 'vitest';
import { simple } from './testing/manifests.ts';
import { problemOf } from './testing/problem-of.ts';
import { ProxyRig } from './testing/proxy-rig.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('a rehearsed refusal', () => {
  test('has the status it is given, and never reaches the service', async () => {
    await using rig = await ProxyRig.start(simple({ faults: { abort: { status: 418 } } }));
    const client = await rig.connect();
    for (let i = 0; i < 2; i++) {
      client.send(GET);
      const answer = await client.takeMessage();
      expect(problemOf(answer)).toEqual({ status: 418, code: 'fault_injected', proxyStatus: 'proxy_internal_error' });
      expect(JSON.parse(answer.body)).toMatchObject({ status: 418 });
    }
    expect(rig.origin.connections).toHaveLength(0);
  });

  test('meets only requests with the header that asks for it', async () => {
    await using rig = await ProxyRig.start(simple({ faults: { abort: { status: 500 }, when: { header: 'X-Chaos' } } }));
    rig.origin.answer(() => OK);
    const client = await rig.connect();
    client.send(GET);
    expect((await client.takeMessage()).body).toBe('ok');
    client.send('GET / HTTP/1.1\r\nHost: a\r\nx-chaos: 1\r\n\r\n');
    expect(problemOf(await client.takeMessage())).toMatchObject({ status: 500 });
  });

  test('meets its share', async () => {
    await using rig = await ProxyRig.start(simple({ faults: { abort: { status: 500, percent: 30 } } }));
    rig.origin.answer(() => OK);
    const client = await rig.connect();
    let refused = 0;
    for (let i = 0; i < 1_000; i++) {
      client.send(GET);
      if ((await client.takeMessage()).head.startsWith('HTTP/1.1 500')) refused++;
    }
    // Nine standard deviations to either side.
    expect(refused).toBeGreaterThan(170);
    expect(refused).toBeLessThan(430);
  });
});

describe('a rehearsed delay', () => {
  const DELAY = { faults: { delay: { for: '300ms' } } };

  test('comes before the first try, and loses nothing of the body', async () => {
    await using rig = await ProxyRig.start(simple(DELAY));
    const client = await rig.connect();
    const since = performance.now();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
    client.send('def');
    const upstream = await rig.origin.accept();
    expect(await upstream.takeHead()).toContain('Content-Length: 6\r\n');
    expect(performance.now() - since).toBeGreaterThan(290);
    expect(await upstream.takeBytes(6)).toBe('abcdef');
    upstream.send(OK);
    expect((await client.takeMessage()).body).toBe('ok');
  });

  test('counts as the slowness of the service', async () => {
    await using rig = await ProxyRig.start(simple({ ...DELAY, timeout: '100ms' }));
    const client = await rig.connect();
    client.send(GET);
    expect(problemOf(await client.takeMessage())).toMatchObject({ status: 504, code: 'upstream_timeout' });
    expect(rig.origin.connections).toHaveLength(0);
  });

  test('may end in a rehearsed refusal, or with the client gone', async () => {
    await using rig = await ProxyRig.start(simple({ faults: { delay: { for: '200ms' }, abort: { status: 599 } } }));
    const client = await rig.connect();
    const since = performance.now();
    client.send(GET);
    expect(problemOf(await client.takeMessage())).toMatchObject({ status: 599 });
    expect(performance.now() - since).toBeGreaterThan(190);
    client.send(GET);
    client.reset();
    const other = await rig.connect();
    other.send(GET);
    expect(problemOf(await other.takeMessage())).toMatchObject({ status: 599 });
  });
});
