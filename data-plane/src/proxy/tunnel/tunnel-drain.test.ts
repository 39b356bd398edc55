import { describe, expect, test, vi } from 'vitest';
import { ACTIVE_TUNNELS } from '../../shared/index.ts';
import { eventually } from '../testing/eventually.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import {
  frame,
  handshake,
  maskedFrame,
  openTunnel,
  SWITCHING,
  unmaskedCode,
  webSockets,
} from '../testing/web-socket.ts';

const CLOSE_1001 = '\x88\x02\x03\xe9';

function open(rig: ProxyRig): number {
  return rig.shared.columns.process.total(ACTIVE_TUNNELS);
}

describe('a listener that leaves', () => {
  test('closes its tunnels with 1001 on both sides, spread over its time, and waits for their answers', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const tunnels = [];
    for (let i = 0; i < 12; i++) tunnels.push(await openTunnel(rig));
    const since = performance.now();
    const drained = rig.proxy.drain(4000);
    const closedMs = await Promise.all(
      tunnels.map(async ({ client, upstream }) => {
        expect(await client.takeBytes(4)).toBe(CLOSE_1001);
        const atMs = performance.now() - since;
        expect(unmaskedCode(await upstream.takeBytes(8))).toBe(1001);
        client.send(maskedFrame('\x03\xe9', 8));
        upstream.send(frame('\x03\xe9', 8));
        expect(await client.takeEnding()).toBe('end');
        client.end();
        upstream.end();
        expect(client.received).toBe('');
        return atMs;
      }),
    );
    expect(await drained).toBe(0);
    expect(open(rig)).toBe(0);
    expect(new Set(closedMs.map(Math.round)).size).toBeGreaterThan(1);
  });

  test('lets the frames that are passing come to their end, both ways, and passes nothing behind them', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const { client, upstream } = await openTunnel(rig);
    const [up, down] = [maskedFrame('from the client'), frame('from the upstream')];
    client.send(up.slice(0, 9));
    upstream.send(down.slice(0, 1));
    await Promise.all([upstream.takeBytes(9), client.takeBytes(1)]);
    // Drawn first, the tunnel is to close at once.
    const drawn = vi.spyOn(Math, 'random').mockReturnValue(0);
    void rig.proxy.drain(15_000);
    drawn.mockRestore();
    // Nothing comes while both stand within a frame. Timers of one thread go off in order: this one is behind the tunnel's.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect([client.received, upstream.received]).toEqual(['', '']);
    client.send(`${up.slice(9)}${maskedFrame('too late')}`);
    upstream.send(`${down.slice(1)}${frame('too late')}`);
    expect(await client.take(CLOSE_1001)).toBe(down.slice(1) + CLOSE_1001);
    expect(await upstream.take('client')).toBe(up.slice(9));
    expect(unmaskedCode(await upstream.takeBytes(8))).toBe(1001);
    await client.takeEnding();
    expect([client.received, upstream.received]).toEqual(['', '']);
  });

  test('cuts a tunnel whose frame does not end by its deadline', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const { client, upstream } = await openTunnel(rig);
    upstream.send(frame('half').slice(0, 3));
    await client.takeBytes(3);
    await rig.proxy.drain(400);
    expect(await client.takeEnding()).toBe('reset');
    expect([client.received, open(rig)]).toEqual(['', 0]);
  });

  test('puts no frame into what is none', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const { client, upstream } = await openTunnel(rig);
    client.send('neither');
    upstream.send('frames');
    await Promise.all([client.take('frames'), upstream.take('neither')]);
    await rig.proxy.drain(300);
    await Promise.all([client.takeEnding(), upstream.takeEnding()]);
    expect([client.received, upstream.received]).toEqual(['', '']);
  });

  test('puts none in where the sides are closing already', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const { client, upstream } = await openTunnel(rig);
    upstream.send(frame('\x03\xe8', 8));
    await client.takeBytes(4);
    const drained = rig.proxy.drain(2000);
    client.send(maskedFrame('\x03\xe8', 8));
    expect(await upstream.takeBytes(8)).toBe(maskedFrame('\x03\xe8', 8));
    upstream.end();
    await client.takeEnding();
    client.end();
    expect(await drained).toBe(0);
    expect([client.received, upstream.received]).toEqual(['', '']);
  });

  test('closes tunnels that open meanwhile', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const client = await rig.connect();
    client.send(handshake());
    const upstream = await rig.origin.acceptRequest();
    const drained = rig.proxy.drain(2000);
    upstream.send(SWITCHING);
    await client.takeHead();
    expect(await client.takeBytes(4)).toBe(CLOSE_1001);
    client.end();
    upstream.end();
    expect(await drained).toBe(0);
  });

  test('is no concern of the tunnels of another', async () => {
    await using rig = await ProxyRig.start(webSockets());
    await rig.proxy.listen('other', '127.0.0.1', 0, true);
    const { client, upstream } = await openTunnel(rig);
    await rig.proxy.unlisten('other', 200);
    client.send(maskedFrame('still'));
    await upstream.take('still');
  });
});

test('a cap on connections that was lowered closes tunnels too, politely', async () => {
  await using rig = await ProxyRig.start(webSockets());
  const tunnels = [await openTunnel(rig), await openTunnel(rig)];
  rig.apply(
    JSON.stringify({ kind: 'Listener', name: 'http', spec: { address: '127.0.0.1:80', limits: { connections: 1 } } }),
  );
  const closed = () => tunnels.filter(({ client }) => client.received === CLOSE_1001).length;
  const late = performance.now() + 15_000;
  while (closed() === 0 && performance.now() < late) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(closed()).toBe(1);
  await eventually(() => open(rig) === 1, 'one tunnel');
});
