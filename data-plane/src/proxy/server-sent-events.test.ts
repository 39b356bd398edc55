import { describe, expect, test } from 'vitest';
import { eventually } from './testing/eventually.ts';
import { simple } from './testing/manifests.ts';
import { OwnTime } from './testing/own-time.ts';
import { ProxyRig } from './testing/proxy-rig.ts';
import { requestCounts } from './testing/request-counts.ts';

const GET = 'GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n';
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n';

/** How an upstream frames its events, and what the client of HTTP/1.1 or 1.0 gets of one. */
const framings: [string, string, string, (event: string) => string, (event: string) => string][] = [
  ['chunked', GET, `${HEAD}Transfer-Encoding: chunked\r\n\r\n`, chunk, chunk],
  ['until the end of the connection', GET, `${HEAD}Connection: close\r\n\r\n`, (event) => event, chunk],
  ['with a length', GET, `${HEAD}Content-Length: 1000\r\n\r\n`, (event) => event, (event) => event],
  [
    'chunked, to a client of 1.0',
    GET.replace('1.1', '1.0'),
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n`,
    chunk,
    (event) => event,
  ],
];

function chunk(event: string): string {
  return `${event.length.toString(16)}\r\n${event}\r\n`;
}

describe('server-sent events', () => {
  test.each(framings)(
    '%s: the head, then each event, reaches the client before the next is sent',
    async (_, request, head, sent, got) => {
      await using rig = await ProxyRig.start(simple());
      const client = await rig.connect();
      client.send(request);
      const upstream = await rig.origin.acceptRequest();
      upstream.send(head);
      expect(await client.takeHead()).toMatch(/^HTTP\/1.1 200 OK\r\n/);
      for (const event of ['data: one\n\n', ': heartbeat\n\n', `data: ${'x'.repeat(300)}\n\n`]) {
        upstream.send(sent(event));
        expect(await client.takeBytes(got(event).length)).toBe(got(event));
      }
      expect(client.received).toBe('');
    },
  );

  test('a client that goes away ends the upstream’s request within a second', async () => {
    await using rig = await ProxyRig.start(simple());
    for (const leave of ['end', 'reset', 'destroy'] as const) {
      const client = await rig.connect();
      client.send(GET);
      const upstream = await rig.origin.acceptRequest();
      upstream.send(`${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunk('data: one\n\n')}`);
      await client.take('one');
      using own = new OwnTime();
      client[leave]();
      await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end of the upstream connection');
      expect(own.ms).toBeLessThan(1000);
    }
    expect(requestCounts(rig)).toEqual([{ route: 'all', service: 'svc', status: '499', count: 3 }]);
  });

  test('a pause longer than streamIdleTimeout breaks the answer off; heartbeats keep it up', async () => {
    await using rig = await ProxyRig.start(simple({ streamIdleTimeout: '1s', timeout: '300ms' }));
    const client = await rig.connect();
    client.send(GET);
    const upstream = await rig.origin.acceptRequest();
    upstream.send(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    await client.takeHead();
    const since = performance.now();
    while (performance.now() - since < 2000) {
      upstream.send(chunk(':\n\n'));
      await client.take(chunk(':\n\n'));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(client.ending).toBe('open');
    expect(await client.takeEnding()).toBe('reset');
  });

  test('on drain they go on to the deadline, and are then cut and counted', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send(GET);
    const upstream = await rig.origin.acceptRequest();
    upstream.send(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    await client.takeHead();
    let cut: number | undefined;
    void rig.proxy.drain(1500).then((count) => {
      cut = count;
    });
    for (let i = 0; i < 10; i++) {
      upstream.send(chunk(`data: ${i}\n\n`));
      await client.take(chunk(`data: ${i}\n\n`));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(cut).toBeUndefined();
    await client.takeEnding();
    await eventually(() => cut === 1, 'the end of the drain');
  });
});

test('a long poll waits for its answer as long as the route’s timeout says, while other requests go on', async () => {
  await using rig = await ProxyRig.start(simple({ timeout: '20s', streamIdleTimeout: '100ms' }));
  const polling = await rig.connect();
  polling.send(GET);
  const waiting = await rig.origin.acceptRequest();
  const client = await rig.connect();
  const since = performance.now();
  while (performance.now() - since < 600) {
    client.send(GET);
    const upstream = rig.origin.connections[1] ?? (await rig.origin.accept());
    await upstream.takeHead();
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    expect((await client.takeMessage()).body).toBe('ok');
  }
  expect([polling.received, polling.ending]).toEqual(['', 'open']);
  waiting.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnews');
  expect((await polling.takeMessage()).body).toBe('news');
});
