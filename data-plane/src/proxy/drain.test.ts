import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
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
  void rig.proxy.drain(5000).then((cut) => {
    drained = cut;
  });
  expect(await refusesConnections(rig.port)).toBe(true);
  late.send(GET);
  const second = await rig.origin.accept();
  await second.takeHead();
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

test('what does not finish by the deadline is cut and counted', async () => {
  await using rig = await ProxyRig.start(simple());
  const client = await rig.connect();
  client.send(GET);
  await (await rig.origin.accept()).takeHead();
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
    await (await rig.origin.accept()).takeHead();
  }
  const fourth = await rig.connect();
  await fourth.takeEnding();
  expect(rig.shared.columns.process.total(0)).toBe(2);
});

test('config changes while requests run: each keeps the revision it began with, and its connection', async () => {
  await using rig = await ProxyRig.start(simple({ responseHeaders: { set: { 'x-revision': '1' } } }));
  const client = await rig.connect();
  client.send(GET);
  const upstream = await rig.origin.accept();
  await upstream.takeHead();
  rig.apply(simple({ responseHeaders: { set: { 'x-revision': '2' } } }));
  upstream.send(OK);
  expect((await client.takeMessage()).head).toContain('x-revision: 1\r\n');
  client.send(GET);
  await upstream.takeHead();
  upstream.send(OK);
  expect((await client.takeMessage()).head).toContain('x-revision: 2\r\n');
});
