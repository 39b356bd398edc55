import { describe, expect, test } from 'vitest';
import { ACTIVE_CONNECTIONS } from '../../shared/index.ts';
import { eventually } from '../testing/eventually.ts';
import { manifestsOf, route, service } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import type { RawPeer } from '../testing/raw-peer.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

function withLimits(limits: object, listener: object = {}): string {
  return manifestsOf(
    { kind: 'Listener', name: 'http', spec: { address: '127.0.0.1:80', limits, ...listener } },
    service(),
    route(),
  );
}

/** Connections on each of which a request waits for its answer, and the other ends of these requests. */
async function busy(rig: ProxyRig, count: number, address?: string): Promise<[RawPeer[], RawPeer[]]> {
  const clients: RawPeer[] = [];
  const upstreams: RawPeer[] = [];
  for (let n = 0; n < count; n++) {
    const client = await rig.connect(address);
    client.send(REQUEST);
    const upstream = await rig.origin.acceptRequest();
    clients.push(client);
    upstreams.push(upstream);
  }
  return [clients, upstreams];
}

const open = (rig: ProxyRig): number => rig.shared.columns.process.total(ACTIVE_CONNECTIONS);

const hasOpen = (rig: ProxyRig, count: number): Promise<void> =>
  eventually(() => open(rig) === count, `${count} connections are open`);

const isRefused = async (rig: ProxyRig, address?: string): Promise<boolean> => {
  const client = await rig.connect(address).catch(() => undefined);
  if (client === undefined) return true;
  client.send(REQUEST);
  await client.until(() => client.ending !== 'open' || client.closed, 'an end');
  return true;
};

describe('connections', () => {
  test('up to the cap are accepted; one more is refused while all of them are in use', async () => {
    await using rig = await ProxyRig.start(withLimits({ connections: 3 }));
    await busy(rig, 3);
    expect(await isRefused(rig)).toBe(true);
    expect(open(rig)).toBe(3);
  });

  test('at the cap the oldest idle one makes room', async () => {
    await using rig = await ProxyRig.start(withLimits({ connections: 3 }));
    const [[first], [upstream]] = await busy(rig, 1);
    const second = await rig.connect();
    const third = await rig.connect();
    await hasOpen(rig, 3);
    const fourth = await rig.connect();
    await second.takeEnding();
    expect([first!.ending, third.ending, fourth.ending]).toEqual(['open', 'open', 'open']);
    upstream!.send('HTTP/1.1 204 No Content\r\n\r\n');
    expect(await first!.takeHead()).toMatch(/^HTTP\/1.1 204/);
  });

  test('beyond a lowered cap are closed: idle ones first, one in a request after its answer', async () => {
    await using rig = await ProxyRig.start(withLimits({ connections: 10 }));
    const [clients, upstreams] = await busy(rig, 3);
    const idle = [await rig.connect(), await rig.connect()];
    await hasOpen(rig, 5);
    rig.apply(withLimits({ connections: 2 }));
    for (const client of idle) expect(await client.takeEnding()).toBe('end');
    expect(clients.map(({ ending }) => ending)).toEqual(['open', 'open', 'open']);
    for (const upstream of upstreams) upstream.send('HTTP/1.1 204 No Content\r\n\r\n');
    const heads = await Promise.all(clients.map((client) => client.takeHead()));
    expect(heads.map((head) => head.includes('\r\nconnection: close\r\n'))).toEqual([true, false, false]);
    await clients[0]!.takeEnding();
    await hasOpen(rig, 2);
  });
});

describe('connections of one client', () => {
  test('are accepted up to the cap, whatever others have, and again when one is closed', async () => {
    await using rig = await ProxyRig.start(withLimits({ connectionsPerClient: 2 }));
    const first = await rig.connect('127.0.0.2');
    await rig.connect('127.0.0.2');
    await hasOpen(rig, 2);
    expect(await isRefused(rig, '127.0.0.2')).toBe(true);
    await rig.connect('127.0.0.3');
    await rig.connect('127.0.0.3');
    await hasOpen(rig, 4);
    expect(await isRefused(rig, '127.0.0.3')).toBe(true);
    first.destroy();
    await hasOpen(rig, 3);
    const again = await rig.connect('127.0.0.2');
    await hasOpen(rig, 4);
    expect(again.ending).toBe('open');
  });

  test('are not counted where it is a trusted proxy', async () => {
    await using rig = await ProxyRig.start(
      withLimits({ connectionsPerClient: 2 }, { trustedProxies: ['127.0.0.4/32'] }),
    );
    for (let n = 0; n < 5; n++) await rig.connect('127.0.0.4');
    await hasOpen(rig, 5);
  });

  test('beyond a lowered cap are closed, idle ones first, and nobody else loses any', async () => {
    await using rig = await ProxyRig.start(withLimits({ connectionsPerClient: 10 }));
    const [[inUse]] = await busy(rig, 1, '127.0.0.2');
    const idle = [await rig.connect('127.0.0.2'), await rig.connect('127.0.0.2')];
    const other = await rig.connect('127.0.0.3');
    await hasOpen(rig, 4);
    rig.apply(withLimits({ connectionsPerClient: 1 }));
    for (const client of idle) expect(await client.takeEnding()).toBe('end');
    expect([inUse!.ending, other.ending]).toEqual(['open', 'open']);
  });
});
