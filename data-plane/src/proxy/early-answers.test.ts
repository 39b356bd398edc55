import { describe, expect, test } from 'vitest';
import { eventually } from './testing/eventually.ts';
import { simple } from './testing/manifests.ts';
import { problemOf } from './testing/problem-of.ts';
import { ProxyRig } from './testing/proxy-rig.ts';
import type { RawPeer } from './testing/raw-peer.ts';
import { requestCounts } from './testing/request-counts.ts';

const GET = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const TOO_LARGE = 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much';
const UPLOAD = 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n';

async function gone(upstream: RawPeer): Promise<void> {
  await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end of the upstream connection');
}

/** That nothing which was sent on one connection shows up on another. */
async function nextIsClean(rig: ProxyRig): Promise<void> {
  const client = await rig.connect();
  client.send(GET);
  const upstream = await rig.origin.accept();
  expect(await upstream.takeHead()).toMatch(/^GET \/next HTTP\/1.1\r\n/);
  upstream.send(OK);
  expect((await client.takeMessage()).body).toBe('ok');
}

describe('an upstream that answers before it has the whole body', () => {
  test('is passed on at once; the client is told to close, and the connection carries nothing more', async () => {
    await using rig = await ProxyRig.start(simple({ bodyBytes: '50MiB' }));
    const client = await rig.connect();
    client.send(UPLOAD);
    client.send('x'.repeat(100));
    const upstream = await rig.origin.accept();
    await upstream.take('x'.repeat(100));
    upstream.send(TOO_LARGE);
    const { head, body } = await client.takeMessage();
    expect(head).toMatch(/^HTTP\/1.1 413 /);
    expect(head).toContain('connection: close\r\n');
    expect(body).toBe('too much');
    await gone(upstream);
    expect(await client.takeEnding()).toBe('end');
    await nextIsClean(rig);
  });

  test.each(['keeps reading', 'stops reading', 'closes'] as const)(
    'and then %s: a client in the midst of a large body can read the answer',
    async (then) => {
      await using rig = await ProxyRig.start(simple({ bodyBytes: '50MiB' }));
      const client = await rig.connect();
      rig.origin.onConnection = (peer) => {
        if (then === 'stops reading') peer.pause();
      };
      client.send(UPLOAD);
      client.send(Buffer.alloc(20_000_000, 'x'));
      const upstream = await rig.origin.accept();
      if (then !== 'stops reading') await upstream.takeHead();
      upstream.send(TOO_LARGE);
      if (then === 'closes') upstream.end();
      expect((await client.takeMessage()).body).toBe('too much');
      await client.takeEnding();
      expect(requestCounts(rig)).toEqual([{ route: 'all', service: 'svc', status: '413', count: 1 }]);
    },
  );

  test('with an answer that goes on takes the body meanwhile, both whole', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
    const upstream = await rig.origin.accept();
    await upstream.take('abc');
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n123');
    await client.take('123');
    client.send('def');
    await upstream.take('def');
    upstream.send('456');
    await client.take('456');
    expect(await client.takeEnding()).toBe('end');
  });

  test('whose client goes away while both are under way is let go', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
    const upstream = await rig.origin.accept();
    await upstream.take('abc');
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n123');
    await client.take('123');
    client.reset();
    await gone(upstream);
    expect(requestCounts(rig)).toEqual([{ route: 'all', service: 'svc', status: '499', count: 1 }]);
  });
});

describe('Expect', () => {
  const EXPECTING = 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n';

  test('is answered here, once the request has its connection, and not passed on', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send(EXPECTING);
    const upstream = await rig.origin.accept();
    expect(await upstream.takeHead()).not.toMatch(/expect/i);
    expect(await client.takeHead()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('hello');
    await upstream.take('hello');
    // What it says on top of that is swallowed.
    upstream.send(`HTTP/1.1 100 Continue\r\n\r\n${OK}`);
    expect((await client.takeMessage()).head).toMatch(/^HTTP\/1.1 200 /);
    client.send(GET);
    expect(await upstream.takeHead()).toMatch(/^GET \/next /);
  });

  test.each(['HTTP/1.1 200 OK', 'HTTP/1.1 401 Unauthorized'])(
    'is told to continue and the upstream says %s without the body: nothing of it is taken for a request, here or there',
    async (status) => {
      await using rig = await ProxyRig.start(simple());
      const client = await rig.connect();
      client.send(EXPECTING);
      const upstream = await rig.origin.acceptRequest();
      upstream.send(`${status}\r\nContent-Length: 2\r\n\r\nno`);
      await client.take('\r\n\r\nno');
      // The client sends its body all the same, and something that looks like a request behind it.
      client.send(`hello${GET}`);
      await gone(upstream);
      expect(upstream.received.replace('hello', '')).toBe('');
      await client.takeEnding();
      expect(client.received).toBe('');
      expect(rig.origin.connections).toHaveLength(1);
      await nextIsClean(rig);
    },
  );

  test('something else is 417, and reaches no upstream', async () => {
    await using rig = await ProxyRig.start(simple());
    for (const expected of ['garbage', '100-continue, x', '200-ok']) {
      const client = await rig.connect();
      client.send(`POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: ${expected}\r\n\r\nhello${GET}`);
      const answer = await client.takeMessage();
      expect(problemOf(answer)).toMatchObject({ status: 417, code: 'expectation_failed' });
      await client.takeEnding();
      expect(client.received).toBe('');
    }
    expect(rig.origin.connections).toHaveLength(0);
  });

  test('and a body on GET are two messages to nobody', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send(`GET /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ${GET.length}\r\n\r\n`);
    const upstream = await rig.origin.accept();
    expect(await upstream.takeHead()).toMatch(new RegExp(`content-length: ${GET.length}\r\n`, 'i'));
    expect(await client.takeHead()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.send(GET);
    expect(await upstream.take(GET)).toBe(GET);
    upstream.send(OK);
    expect((await client.takeMessage()).body).toBe('ok');
    expect(requestCounts(rig)).toEqual([{ route: 'all', service: 'svc', status: '200', count: 1 }]);
  });
});

describe('answers without a length', () => {
  const close = 'HTTP/1.0 200 OK\r\nX-Old: 1\r\n\r\nhello';

  test('of an HTTP/1.0 upstream end with its connection, and are chunked to a client of 1.1, which goes on', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    for (let n = 0; n < 3; n++) {
      client.send(GET);
      const upstream = await rig.origin.acceptRequest();
      upstream.send(close);
      await client.take('5\r\nhello\r\n');
      upstream.end();
      expect(await client.take('0\r\n\r\n')).toBe('0\r\n\r\n');
    }
    expect(requestCounts(rig)).toEqual([{ route: 'all', service: 'svc', status: '200', count: 3 }]);
  });

  test('go to a client of 1.0 as they are, and their end is the end of its connection', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send('GET /x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n');
    const upstream = await rig.origin.acceptRequest();
    upstream.send(close);
    upstream.end();
    expect(await client.takeEnding()).toBe('end');
    expect(client.received).toMatch(/connection: close\r\n\r\nhello$/);
  });

  test.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', /content-length: 5\r\n/i],
    ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', /^HTTP\/1.1 200/],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', /^HTTP\/1.1 204/],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', /^HTTP\/1.1 304/],
  ])('to %s, %s have no body, and the connections of both go on', async (method, answer, head) => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    const ask = GET.replace('GET', method);
    client.send(ask);
    const upstream = await rig.origin.accept();
    for (let n = 0; n < 3; n++) {
      await upstream.takeHead();
      upstream.send(answer);
      expect(await client.takeHead()).toMatch(head);
      expect(client.received).toBe('');
      client.send(ask);
    }
    expect(rig.origin.connections).toHaveLength(1);
  });
});

test('a client that closes its side while its request runs is taken to be gone: the upstream’s work ends', async () => {
  await using rig = await ProxyRig.start(simple());
  const client = await rig.connect();
  client.send(GET);
  const upstream = await rig.origin.acceptRequest();
  const startedMs = performance.now();
  client.end();
  await gone(upstream);
  expect(performance.now() - startedMs).toBeLessThan(1_000);
  await client.takeEnding();
  expect(client.received).toBe('');
  await eventually(() => requestCounts(rig).length > 0, 'the count');
  expect(requestCounts(rig)).toEqual([{ route: 'all', service: 'svc', status: '499', count: 1 }]);
});
