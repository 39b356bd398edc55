import { describe, expect, test } from 'vitest';
import { GET, gauges, OK, POST, UNAVAILABLE } from '../testing/failing-upstreams.ts';
import { simple } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';

/** Has the origin answer 503, always, and gives how often it was asked. */
function countTries(rig: ProxyRig): () => number {
  let tries = 0;
  rig.origin.answer(() => {
    tries++;
    return UNAVAILABLE;
  });
  return () => tries;
}

describe('retries', () => {
  const RETRY = { retry: { attempts: 2, backoff: { base: '1ms', max: '2ms' } } };

  test('follow a status that is a condition, with the body again, until one succeeds', async () => {
    await using rig = await ProxyRig.start(simple({ retry: { ...RETRY.retry, methods: ['POST'] } }));
    let tries = 0;
    rig.origin.answer((_, body) => (++tries < 3 ? UNAVAILABLE : `HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n${body}`));
    const client = await rig.connect();
    client.send(POST);
    expect((await client.takeMessage()).body).toBe('abc');
    expect(tries).toBe(3);
    expect(gauges(rig)).toEqual([0, 0]);
  });

  test('end with the last answer', async () => {
    await using rig = await ProxyRig.start(simple(RETRY));
    const tries = countTries(rig);
    const client = await rig.connect();
    client.send(GET);
    const { head, body } = await client.takeMessage();
    expect([head.slice(0, 12), body, tries()]).toEqual(['HTTP/1.1 503', 'no', 3]);
  });

  test.each([
    ['seconds', '1'],
    ['a date', new Date(Date.now() + 3_600_000).toUTCString()],
  ])(
    'wait for as long as Retry-After asks in %s; where that is longer than the request has, the answer stands',
    async (kind, asked) => {
      await using rig = await ProxyRig.start(simple(RETRY));
      const arrivals: number[] = [];
      rig.origin.answer(() => {
        arrivals.push(performance.now());
        return arrivals.length === 2 ? OK : UNAVAILABLE.replace('\r\n\r\n', `\r\nRetry-After: ${asked}\r\n\r\n`);
      });
      const client = await rig.connect();
      client.send(GET);
      const { head } = await client.takeMessage();
      if (kind === 'seconds') {
        expect(head).toMatch(/^HTTP\/1.1 200 /);
        expect(arrivals[1]! - arrivals[0]!).toBeGreaterThanOrEqual(990);
      } else {
        expect(head).toMatch(/^HTTP\/1.1 503 /);
        expect(head.toLowerCase()).toContain(`\r\nretry-after: ${asked.toLowerCase()}\r\n`);
        expect(arrivals).toHaveLength(1);
      }
      expect(gauges(rig)).toEqual([0, 0]);
    },
  );

  test.each([
    ['a POST', POST, 1],
    ['a POST with an Idempotency-Key', POST.replace('\r\n\r\n', '\r\nIdempotency-Key: 1\r\n\r\n'), 3],
    ['a PUT', POST.replace('POST', 'PUT'), 3],
  ])('of %s: %#', async (_, request, expected) => {
    await using rig = await ProxyRig.start(simple(RETRY));
    const tries = countTries(rig);
    const client = await rig.connect();
    client.send(request);
    await client.takeMessage();
    expect(tries()).toBe(expected);
  });

  test('are not made of a body beyond bufferBytes', async () => {
    await using rig = await ProxyRig.start(simple({ retry: { ...RETRY.retry, methods: ['POST'], bufferBytes: '2B' } }));
    const tries = countTries(rig);
    const client = await rig.connect();
    client.send(POST);
    await client.takeMessage();
    expect(tries()).toBe(1);
  });

  test('after a reset and a timeout of one try', async () => {
    await using rig = await ProxyRig.start(
      simple({ retry: { ...RETRY.retry, on: ['reset', 'timeout'], perTryTimeout: '100ms' } }),
    );
    const client = await rig.connect();
    client.send(GET);
    const first = await rig.origin.acceptRequest();
    first.reset();
    await rig.origin.acceptRequest();
    const third = await rig.origin.acceptRequest();
    third.send(OK);
    expect((await client.takeMessage()).body).toBe('ok');
  });

  test.each([
    [{}, 'OK'],
    [{ on: ['504'] }, 'OK'],
    [{ on: ['5xx'] }, 'OK'],
    [{ on: ['reset', '503'] }, 'Gateway Timeout'],
  ])(
    'of a try that took too long are made where 504 is a condition, which is what it is answered with: %j',
    async (on, reason) => {
      await using rig = await ProxyRig.start(simple({ retry: { attempts: 1, perTryTimeout: '100ms', ...on } }));
      const client = await rig.connect();
      client.send(GET);
      await rig.origin.acceptRequest();
      if (reason === 'OK') (await rig.origin.acceptRequest()).send(OK);
      expect((await client.takeMessage()).head).toContain(reason);
    },
  );

  test('stay within the budget: an upstream that fails gets little more than the load', async () => {
    await using rig = await ProxyRig.start(simple(RETRY));
    const tries = countTries(rig);
    const client = await rig.connect();
    for (let i = 0; i < 300; i++) {
      client.send(GET);
      await client.takeMessage();
    }
    expect(tries()).toBeGreaterThan(330);
    expect(tries()).toBeLessThanOrEqual(360);
  });
});
