import { CLOSED, HALF_OPEN, OPEN } from '@sluice/engine';
import { describe, expect, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { GET, gauges, OK, UNAVAILABLE } from '../testing/failing-upstreams.ts';
import { simple } from '../testing/manifests.ts';
import { problemOf } from '../testing/problem-of.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';

describe('the breaker', () => {
  const BREAKER = { circuitBreaker: { consecutiveFailures: 2, openFor: '200ms', halfOpenRequests: 1 } };
  const stateOf = (rig: ProxyRig) =>
    rig.shared.breakers.view(rig.directory.services.slotOf('svc') as number, rig.shared.clock.nowMs()).state;

  test('opens after failures in a row, pauses, lets a probe through, and closes', async () => {
    await using rig = await ProxyRig.start(simple({}, BREAKER));
    let answer = UNAVAILABLE;
    rig.origin.answer(() => answer);
    const client = await rig.connect();
    const get = async () => {
      client.send(GET);
      return client.takeMessage();
    };
    expect([(await get()).body, (await get()).body, stateOf(rig)]).toEqual(['no', 'no', OPEN]);
    const refused = await get();
    expect(problemOf(refused)).toEqual({ status: 503, code: 'circuit_open', proxyStatus: 'destination_unavailable' });
    expect(refused.head).toContain('\r\nretry-after: 1\r\n');
    answer = OK;
    while ((await get()).body !== 'ok');
    expect(stateOf(rig)).toBe(CLOSED);
    expect(gauges(rig)).toEqual([0, 0]);
  });

  test('takes a reset, a timeout and a refused connection for failures, a 501 and an aborted request for none', async () => {
    await using rig = await ProxyRig.start(
      simple({ timeout: '100ms' }, { circuitBreaker: { consecutiveFailures: 2, halfOpenRequests: 1 } }),
    );
    const client = await rig.connect();
    for (let i = 0; i < 3; i++) {
      client.send(GET);
      const upstream = await rig.origin.acceptRequest();
      upstream.send('HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      await client.takeHead();
      const leaving = await rig.connect();
      leaving.send(GET);
      const left = await rig.origin.acceptRequest();
      leaving.reset();
      await left.until(() => left.ending !== 'open' || left.closed, 'end');
    }
    expect(stateOf(rig)).toBe(CLOSED);
    client.send(GET);
    const reset = await rig.origin.acceptRequest();
    reset.reset();
    await client.takeMessage();
    client.send(GET);
    await rig.origin.acceptRequest();
    await client.takeMessage();
    expect(stateOf(rig)).toBe(OPEN);
    expect(gauges(rig)).toEqual([0, 0]);
  });

  test('gets its probe’s permit back when the client of the probe leaves', async () => {
    await using rig = await ProxyRig.start(
      simple({}, { circuitBreaker: { consecutiveFailures: 1, openFor: '50ms', halfOpenRequests: 1 } }),
    );
    const client = await rig.connect();
    client.send(GET);
    const first = await rig.origin.acceptRequest();
    first.send('HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    await client.takeHead();

    const probe = await rig.connect();
    while (rig.origin.connections.length < 2) {
      probe.received = '';
      probe.send(GET);
      await eventually(() => probe.received !== '' || rig.origin.connections.length === 2, 'probe or refusal');
    }
    expect(stateOf(rig)).toBe(HALF_OPEN);
    client.send(GET);
    expect(problemOf(await client.takeMessage()).code).toBe('circuit_open');
    probe.reset();
    const upstream = await rig.origin.accept();
    await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end');
    const slot = rig.directory.services.slotOf('svc') as number;
    expect(rig.shared.breakers.view(slot, rig.shared.clock.nowMs()).probesInFlight).toBe(0);
    expect(gauges(rig)).toEqual([0, 0]);
  });
});
