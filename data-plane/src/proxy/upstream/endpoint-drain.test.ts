import { describe, expect, test } from 'vitest';
import { simple } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import { RawOrigin } from '../testing/raw-origin.ts';
import type { RawPeer } from '../testing/raw-peer.ts';
import { requestCounts } from '../testing/request-counts.ts';

const GET = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';
const OTHER = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother';

async function gone(upstream: RawPeer): Promise<void> {
  await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end of the upstream connection');
}

async function startOther(): Promise<RawOrigin & AsyncDisposable> {
  const other = await RawOrigin.start();
  other.answer(() => OTHER);
  return Object.assign(other, { [Symbol.asyncDispose]: () => other.close() });
}

/** The endpoint leaves in each of the ways in which it can. */
const departures: Readonly<Record<string, (other: string) => object>> = {
  'is removed': (other) => ({ endpoints: [{ address: other }] }),
  'has weight 0': (other) => ({ endpoints: [{ address: 'ORIGIN', weight: 0 }, { address: other }] }),
  'goes to other nodes': (other) => ({
    endpoints: [{ address: 'ORIGIN', nodeGroups: ['elsewhere'] }, { address: other }],
  }),
};

describe.each(Object.entries(departures))('an endpoint that %s', (_, departure) => {
  test('ends what it has: an answer under way is whole, the next request goes elsewhere, then its connection closes', async () => {
    await using other = await startOther();
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send(GET);
    const upstream = await rig.origin.acceptRequest();
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
    await client.take('hello');

    rig.apply(simple({}, departure(other.address)));
    const next = await rig.connect();
    next.send(GET);
    expect((await next.takeMessage()).body).toBe('other');
    upstream.send('world');
    await client.take('world');
    client.send(GET);
    expect((await client.takeMessage()).body).toBe('other');
    // Now it is idle, and of nobody's use.
    await gone(upstream);
    expect(rig.origin.connections).toHaveLength(1);
    expect(requestCounts(rig)).toEqual([{ route: 'all', service: 'svc', status: '200', count: 3 }]);
  });

  test('serves those who wait for it with the revision they came under', async () => {
    await using other = await startOther();
    await using rig = await ProxyRig.start(simple({}, { connections: { perEndpoint: 1 } }));
    const clients = [await rig.connect(), await rig.connect()];
    clients[0]!.send(GET);
    const upstream = await rig.origin.acceptRequest();
    clients[1]!.send(GET);
    const service = rig.directory.services.slotOf('svc') as number;
    while (rig.shared.columns.pending.total(service) === 0) await new Promise(setImmediate);

    rig.apply(simple({}, { ...departure(other.address), connections: { perEndpoint: 1 } }));
    const answer = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${body}`;
    upstream.send(answer('1.'));
    expect((await clients[0]!.takeMessage()).body).toBe('1.');
    // On the same connection, or on another: housekeeping may come between.
    const last = await Promise.race([
      upstream.takeHead().then(() => upstream),
      rig.origin.accept().then(async (peer) => {
        await peer.takeHead();
        return peer;
      }),
    ]);
    last.send(answer('2.'));
    expect((await clients[1]!.takeMessage()).body).toBe('2.');
    await gone(last);
  });

  test('lets a tunnel go on', async () => {
    await using other = await startOther();
    await using rig = await ProxyRig.start(simple({ webSocket: true }));
    const client = await rig.connect();
    client.send(
      'GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    const upstream = await rig.origin.acceptRequest();
    upstream.send(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
    );
    await client.takeHead();
    rig.apply(simple({ webSocket: true }, departure(other.address)));
    const next = await rig.connect();
    next.send(GET);
    expect((await next.takeMessage()).body).toBe('other');
    // A text frame: `hi`.
    upstream.send(Buffer.from([0x81, 2, 0x68, 0x69]));
    expect(await client.takeBytes(4)).toBe('\x81\x02hi');
  });
});
