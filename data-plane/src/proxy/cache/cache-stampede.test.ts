import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { GET, UNAVAILABLE } from '../testing/failing-upstreams.ts';
import { simple } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import type { RawPeer } from '../testing/raw-peer.ts';

const CLIENTS = 60;
/** Proxy, clients and service are in one thread: whatever is let go has come long before so many of its turns are over. */
const TURNS = 100;

test('many that ask for the same at once reach a service that fails one, two, four, eight and sixteen at a time', async () => {
  await using rig = await ProxyRig.start(simple({ cache: {}, timeout: '60s' }));
  const asking: RawPeer[] = [];
  const serve = async (peer: RawPeer): Promise<void> => {
    for (;;) {
      await peer.takeHead();
      asking.push(peer);
    }
  };
  rig.origin.onConnection = (peer) => void serve(peer).catch(() => undefined);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => rig.connect()));
  for (const client of clients) client.send(GET);
  const rounds: number[] = [];
  for (let asked = 0; asked < CLIENTS; asked += rounds.at(-1)!) {
    await expect.poll(() => asking.length, { interval: 1 }).toBeGreaterThan(0);
    for (let turn = 0; turn < TURNS; turn++) await nextTurn();
    rounds.push(asking.length);
    for (const peer of asking.splice(0)) peer.send(UNAVAILABLE);
  }
  const heads = await Promise.all(clients.map(async (client) => (await client.takeMessage()).head));
  expect(heads.filter((head) => head.startsWith('HTTP/1.1 503 '))).toHaveLength(CLIENTS);
  expect(rounds).toEqual([1, 1, 2, 4, 8, 16, 16, 12]);
});
