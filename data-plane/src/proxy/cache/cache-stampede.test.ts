import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { GET, UNAVAILABLE } from '../testing/failing-upstreams.ts';
import { simple } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import type { RawPeer } from '../testing/raw-peer.ts';

const CLIENTS = 40;

test('many that ask for the same at once reach a service that fails sixteen at a time at most', async () => {
  await using rig = await ProxyRig.start(simple({ cache: {}, timeout: '60s' }));
  let [asked, under, most] = [0, 0, 0];
  const serve = async (peer: RawPeer): Promise<void> => {
    for (;;) {
      await peer.takeHead();
      asked++;
      most = Math.max(most, ++under);
      // Long enough for all others, were they let go.
      await delay(10);
      under--;
      peer.send(UNAVAILABLE);
    }
  };
  rig.origin.onConnection = (peer) => void serve(peer).catch(() => undefined);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => rig.connect()));
  for (const client of clients) client.send(GET);
  const heads = await Promise.all(clients.map(async (client) => (await client.takeMessage()).head));
  expect(heads.filter((head) => head.startsWith('HTTP/1.1 503 '))).toHaveLength(CLIENTS);
  expect(asked).toBe(CLIENTS);
  expect(most).toBeLessThanOrEqual(16);
});
