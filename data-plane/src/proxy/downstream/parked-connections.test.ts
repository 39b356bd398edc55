import { expect, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { manifestsOf, route, service } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';

const REQUEST = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

const withKeepAlive = (keepAliveTimeout: string): string =>
  manifestsOf(
    { kind: 'Listener', name: 'http', spec: { address: '127.0.0.1:80', limits: { keepAliveTimeout } } },
    service(),
    route(),
  );

const parkAll = (rig: ProxyRig): void => {
  for (const connection of rig.proxy.connections()) connection.park();
};
const unparkAll = (rig: ProxyRig): void => {
  for (const connection of rig.proxy.connections()) connection.unpark();
};

test('what comes on a parked connection waits in the kernel and is answered afterwards, idle or not meanwhile', async () => {
  await using rig = await ProxyRig.start(withKeepAlive('200ms'));
  const client = await rig.connect();
  client.send(REQUEST);
  const upstream = await rig.origin.acceptRequest();
  upstream.send(OK);
  await client.takeMessage();
  parkAll(rig);
  client.send(REQUEST);
  const startedMs = rig.shared.clock.nowMs();
  await eventually(() => rig.shared.clock.nowMs() - startedMs > 700, 'several times keepAliveTimeout has passed');
  expect([upstream.received, client.ending]).toEqual(['', 'open']);
  unparkAll(rig);
  await upstream.takeHead();
  upstream.send(OK);
  expect((await client.takeMessage()).body).toBe('ok');
});

test('a connection in a request is answered, and what comes behind waits; one in a body goes on', async () => {
  await using rig = await ProxyRig.start(withKeepAlive('60s'));
  const client = await rig.connect();
  client.send(REQUEST);
  const upstream = await rig.origin.acceptRequest();
  const sender = await rig.connect();
  sender.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
  const other = await rig.origin.accept();
  await other.take('abc');
  parkAll(rig);
  sender.send('def');
  await other.take('def');
  other.send(OK);
  expect((await sender.takeMessage()).body).toBe('ok');
  client.send(REQUEST);
  upstream.send(OK);
  expect((await client.takeMessage()).body).toBe('ok');
  expect([upstream.received, other.received]).toEqual(['', '']);
  unparkAll(rig);
  await eventually(() => upstream.received !== '' || other.received !== '', 'the request behind is forwarded');
});
