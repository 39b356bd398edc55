import { describe, expect, test } from 'vitest';
import { type Manifest, manifestsOf, route, service } from '../testing/manifests.ts';
import { problemOf } from '../testing/problem-of.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import { rehearsedRefusals } from '../testing/rehearsed-refusals.ts';
import { exposed } from '../testing/request-counts.ts';

const AUTH = { anyOf: [{ apiKey: { header: 'x-api-key' } }] };
const CONSUMER = { kind: 'Consumer', name: 'app', spec: {} };
const REFUSED = { status: 503, code: 'policy_unavailable', proxyStatus: 'proxy_configuration_error' };

async function startStale(...manifests: readonly Manifest[]): Promise<ProxyRig> {
  const rig = await ProxyRig.start(manifestsOf(service(), CONSUMER, ...manifests));
  rig.addKey('secret', 'app');
  rig.origin.answer((head) => `HTTP/1.1 200 OK\r\nContent-Length: ${head.length}\r\n\r\n${head}`);
  rig.shared.control.believeCallersUntil(rig.shared.clock.nowUs());
  return rig;
}

const request = (key?: string): string =>
  `GET /x HTTP/1.1\r\nHost: a\r\n${key === undefined ? '' : `X-API-Key: ${key}\r\n`}\r\n`;

describe('while no credential is believed', () => {
  test.each([['secret'], ['unknown'], [undefined]])(
    'a route with auth refuses %s, with a time to ask again',
    async (key) => {
      await using rig = await startStale(route({ auth: AUTH }));
      const client = await rig.connect();
      client.send(request(key));
      const answer = await client.takeMessage();
      expect(problemOf(answer)).toEqual(REFUSED);
      expect(answer.head).toContain('retry-after: 5\r\n');
      expect(exposed(rig)).toContain('gateway_auth_failures_total{route="all",reason="stale"} 1\n');
    },
  );

  test('where auth is optional who presents nothing passes, and who presents anything does not', async () => {
    await using rig = await startStale(route({ auth: { ...AUTH, optional: true } }));
    const client = await rig.connect();
    client.send(request());
    expect((await client.takeMessage()).body).not.toContain('x-consumer');
    for (const key of ['secret', 'unknown']) {
      client.send(request(key));
      expect(problemOf(await client.takeMessage())).toEqual(REFUSED);
    }
  });

  test('a route without auth goes on, and a dry run takes nobody for a consumer', async () => {
    const policy = { kind: 'Policy', name: 'p', spec: { mode: 'dryRun', auth: AUTH } };
    await using rig = await startStale(policy, route({ policies: ['p'] }));
    const client = await rig.connect();
    client.send(request('secret'));
    const answer = await client.takeMessage();
    expect(answer.head).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.body).not.toContain('x-consumer');
    expect(rehearsedRefusals(rig)).toEqual(['p auth 1']);
  });

  test('it ends by itself: the moment before the time callers are believed, from it on not, and when it is put off they are again', async () => {
    await using rig = await startStale(route({ auth: AUTH }));
    const { control } = rig.shared;
    control.believeCallersUntil(1_000);
    expect([control.disbelievesCallers(999), control.disbelievesCallers(1_000)]).toEqual([false, true]);
    control.believeCallersUntil(0);
    expect(control.disbelievesCallers(1)).toBe(true);
    control.believeCallersUntil(rig.shared.clock.nowUs() + 3_600_000_000);
    const client = await rig.connect();
    client.send(request('secret'));
    expect((await client.takeMessage()).head).toMatch(/^HTTP\/1\.1 200 /);
  });
});
