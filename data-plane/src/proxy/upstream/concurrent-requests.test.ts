import { expect, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { simple } from '../testing/manifests.ts';
import { problemOf } from '../testing/problem-of.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import type { RawPeer } from '../testing/raw-peer.ts';
import { exposed } from '../testing/request-counts.ts';

const GET = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

function placesTaken(rig: ProxyRig): number {
  return rig.shared.columns.requests.total(rig.directory.services.slotOf('svc') as number);
}

/** A client whose request the origin has. */
async function ask(rig: ProxyRig): Promise<{ client: RawPeer; upstream: RawPeer }> {
  const client = await rig.connect();
  client.send(GET);
  const upstream = await rig.origin.acceptRequest();
  return { client, upstream };
}

async function refusal(rig: ProxyRig): Promise<{ status: number; code: string }> {
  const client = await rig.connect();
  client.send(GET);
  const { status, code } = problemOf(await client.takeMessage());
  return { status, code };
}

test('as many requests as maxConcurrentRequests are under way, and one more is 503 overloaded', async () => {
  await using rig = await ProxyRig.start(simple({}, { maxConcurrentRequests: 2 }));
  const running = [await ask(rig), await ask(rig)];
  expect(await refusal(rig)).toEqual({ status: 503, code: 'overloaded' });
  expect(rig.origin.connections).toHaveLength(2);
  expect(exposed(rig)).toContain('gateway_overflow_total{what="concurrent_requests"} 1\n');
  const [first] = running;
  first!.upstream.send(OK);
  await first!.client.takeMessage();
  // Its place is free; the connection it had is used again.
  first!.client.send(GET);
  await first!.upstream.takeHead();
  expect(await refusal(rig)).toEqual({ status: 503, code: 'overloaded' });
  expect(placesTaken(rig)).toBe(2);
});

test.each([
  ['whose client leaves', ({ client }: { client: RawPeer }) => client.reset()],
  ['whose upstream breaks off', ({ upstream }: { upstream: RawPeer }) => upstream.reset()],
  ['that takes too long', () => undefined],
  [
    'whose answer breaks off',
    ({ upstream }: { upstream: RawPeer }) => {
      upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
      upstream.end();
    },
  ],
])('a request %s has its place no longer', async (_, end) => {
  await using rig = await ProxyRig.start(simple({ timeout: '500ms' }, { maxConcurrentRequests: 1 }));
  for (let turn = 0; turn < 3; turn++) {
    const running = await ask(rig);
    expect(placesTaken(rig)).toBe(1);
    end(running);
    await eventually(() => placesTaken(rig) === 0, 'its place is free');
  }
});

test('a request keeps its place from one try to the next', async () => {
  await using rig = await ProxyRig.start(
    simple({ retry: { attempts: 1, backoff: { base: '0s', max: '0s' } } }, { maxConcurrentRequests: 1 }),
  );
  const { client, upstream } = await ask(rig);
  upstream.send('HTTP/1.1 503 Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n');
  await eventually(() => rig.shared.columns.inFlight.total(2) === 0, 'the first try is over');
  expect(await refusal(rig)).toEqual({ status: 503, code: 'overloaded' });
  await upstream.takeHead();
  upstream.send(OK);
  expect((await client.takeMessage()).body).toBe('ok');
  expect(placesTaken(rig)).toBe(0);
});

test('a service without the bound counts nothing', async () => {
  await using rig = await ProxyRig.start(simple());
  await ask(rig);
  expect(placesTaken(rig)).toBe(0);
});
