import { expect, test } from 'vitest';
import { GET, OK, UNAVAILABLE } from '../testing/failing-upstreams.ts';
import { simple } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';

const RETRY = { retry: { attempts: 3, backoff: { base: '1ms', max: '2ms' } } };
const BREAKER = { circuitBreaker: { consecutiveFailures: 5, openFor: '200ms', halfOpenRequests: 2 } };

test('a service that fails for all gets little more than the load, with a breaker nearly nothing, and all of it again soon after it has healed', async () => {
  for (const [more, mostTries] of [
    [{}, 1.2],
    [BREAKER, 0.5],
  ] as const) {
    await using rig = await ProxyRig.start(simple(RETRY, more));
    let [tries, heals] = [0, false];
    rig.origin.answer(() => {
      tries++;
      return heals ? OK : UNAVAILABLE;
    });
    const clients = await Promise.all(Array.from({ length: 8 }, () => rig.connect()));
    const ask = async () =>
      await Promise.all(
        clients.map(async (client) => {
          client.send(GET);
          return (await client.takeMessage()).head.startsWith('HTTP/1.1 200 ');
        }),
      );
    for (let round = 0; round < 60; round++) expect(await ask()).toEqual(clients.map(() => false));
    // And three retries a second, which a quiet service may have.
    expect(tries).toBeLessThanOrEqual(clients.length * 60 * mostTries + 30);
    heals = true;
    await expect
      .poll(async () => (await ask()).every((isServed) => isServed), { timeout: 5_000, interval: 10 })
      .toBe(true);
    tries = 0;
    for (let round = 0; round < 10; round++) expect(await ask()).toEqual(clients.map(() => true));
    expect(tries).toBe(10 * clients.length);
  }
});
