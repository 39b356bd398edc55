import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { KEEP_ALIVE_RACES } from '../shared/index.ts';
import { eventually } from './testing/eventually.ts';
import { simple } from './testing/manifests.ts';
import { ProxyRig } from './testing/proxy-rig.ts';

const GET = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function refusesConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return false;
  } catch {
    return true;
  } finally {
    socket.destroy();
  }
}

test('draining accepts no more, finishes what runs with Connection: close, ends what is idle, and says when it is done', async () => {
  await using rig = await ProxyRig.start(simple());
  const [busy, idle, late] = [await rig.connect(), await rig.connect(), await rig.connect()];
  for (const client of [busy, idle, late]) {
    client.send(GET);
    const upstream = client === busy ? await rig.origin.accept() : (rig.origin.connections[0] as typeof client);
    await upstream.takeHead();
    upstream.send(OK);
    await client.takeMessage();
  }
  busy.send(GET);
  const upstream = rig.origin.connections[0] as typeof busy;
  await upstream.takeHead();

  let drained: number | undefined;
  void rig.proxy.drain(3000).then((cut) => {
    drained = cut;
  });
  await eventually(() => refusesConnections(rig.port), 'accepts no more');
  late.send(GET);
  const second = await rig.origin.acceptRequest();
  second.send(OK);
  expect((await late.takeMessage()).head).toContain('\r\nconnection: close\r\n');
  expect(await late.takeEnding()).toBe('end');
  late.end();
  expect(await idle.takeEnding()).toBe('end');
  idle.end();
  expect(drained).toBeUndefined();
  upstream.send(OK);
  expect((await busy.takeMessage()).head).toContain('\r\nconnection: close\r\n');
  busy.end();
  await eventually(() => drained === 0, 'drained');
});

test('connections that wait to be accepted when draining begins are all served', async () => {
  await using rig = await ProxyRig.start(simple());
  rig.origin.answer(() => OK);
  const connecting = Array.from({ length: 100 }, () => rig.connect());
  // The kernel has them all before the event loop turns again.
  await new Promise<void>((resolve) => process.nextTick(resolve));
  const drained = rig.proxy.drain(3000);
  for (const client of await Promise.all(connecting)) {
    client.send(GET);
    expect((await client.takeMessage()).head).toContain('\r\nconnection: close\r\n');
    client.end();
  }
  expect(await drained).toBe(0);
});

test('a client that could not be told, its answer having begun before, may send one more request', async () => {
  await using rig = await ProxyRig.start(simple());
  const client = await rig.connect();
  client.send(GET);
  const upstream = await rig.origin.acceptRequest();
  upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlo');
  await eventually(() => client.received.includes('\r\n\r\nlo'), 'the answer has begun');
  const drained = rig.proxy.drain(2000);
  await eventually(() => refusesConnections(rig.port), 'accepts no more');
  upstream.send('ng');
  expect((await client.takeMessage()).head).not.toContain('connection: close');
  client.send(GET);
  await upstream.takeHead();
  upstream.send(OK);
  expect((await client.takeMessage()).head).toContain('\r\nconnection: close\r\n');
  client.end();
  expect(await drained).toBe(0);
});

test('a request that meets the end of its idle connection is counted, once', async () => {
  await using rig = await ProxyRig.start(simple());
  const races = (): number => rig.shared.columns.process.total(KEEP_ALIVE_RACES);
  const [client, quiet] = [await rig.connect(), await rig.connect()];
  const drained = rig.proxy.drain(400);
  for (const each of [client, quiet]) expect(await each.takeEnding()).toBe('end');
  expect(races()).toBe(0);
  client.send(GET);
  await eventually(() => races() === 1, 'the race is counted');
  client.send(GET);
  for (const each of [client, quiet]) each.end();
  expect(await drained).toBe(0);
  expect(races()).toBe(1);
});

test('what does not finish by the deadline is cut and counted', async () => {
  await using rig = await ProxyRig.start(simple());
  const client = await rig.connect();
  client.send(GET);
  await rig.origin.acceptRequest();
  expect(await rig.proxy.drain(100)).toBe(1);
  await client.takeEnding();
  expect(rig.shared.columns.process.total(1)).toBe(0);
});

test('a listener that is taken away ends its connections alone, after the requests they are in', async () => {
  await using rig = await ProxyRig.start(simple());
  rig.origin.answer(() => OK);
  const other = await rig.proxy.listen('other', '127.0.0.1', 0, true);
  const client = await rig.connect();
  await rig.proxy.unlisten('other', 100);
  expect(await refusesConnections(other)).toBe(true);
  client.send(GET);
  expect((await client.takeMessage()).head).not.toContain('connection: close');
});

test('past its limit of connections a listener ends the oldest idle one, and where none is idle refuses', async () => {
  await using rig = await ProxyRig.start(simple());
  rig.apply(
    JSON.stringify({ kind: 'Listener', name: 'http', spec: { address: '127.0.0.1:80', limits: { connections: 2 } } }),
  );
  const first = await rig.connect();
  const second = await rig.connect();
  const third = await rig.connect();
  await first.takeEnding();
  for (const client of [second, third]) {
    client.send(GET);
    await rig.origin.acceptRequest();
  }
  const fourth = await rig.connect();
  await fourth.takeEnding();
  expect(rig.shared.columns.process.total(0)).toBe(2);
});

test('config changes while requests run: each keeps the revision it began with, and its connection', async () => {
  await using rig = await ProxyRig.start(simple({ responseHeaders: { set: { 'x-revision': '1' } } }));
  const client = await rig.connect();
  client.send(GET);
  const upstream = await rig.origin.acceptRequest();
  rig.apply(simple({ responseHeaders: { set: { 'x-revision': '2' } } }));
  upstream.send(OK);
  expect((await client.takeMessage()).head).toContain('x-revision: 1\r\n');
  client.send(GET);
  await upstream.takeHead();
  upstream.send(OK);
  expect((await client.takeMessage()).head).toContain('x-revision: 2\r\n');
});
