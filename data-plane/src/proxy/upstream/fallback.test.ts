import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Manifest, manifestsOf, route, service } from '../testing/manifests.ts';
import { problemOf } from '../testing/problem-of.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import { RawOrigin } from '../testing/raw-origin.ts';
import { exposed, requestCounts } from '../testing/request-counts.ts';

const GET = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc';
const UNAVAILABLE = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nmain';
const CANNED = { response: { status: 200, headers: { 'x-canned': 'yes' }, text: 'canned' } };
const RETRY = { retry: { attempts: 1, backoff: { base: '0s', max: '0s' } } };

let rig: ProxyRig;
/** What is fallen back on. */
let replica: RawOrigin;
let tries = 0;
let mainAnswer = '';

beforeEach(async () => {
  tries = 0;
  rig = await ProxyRig.start();
  replica = await RawOrigin.start();
  replica.answer((_, body) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length + 7}\r\n\r\nreplica${body}`);
  mainAnswer = UNAVAILABLE;
  rig.origin.answer(() => {
    tries++;
    return mainAnswer;
  });
});

afterEach(async () => {
  await rig[Symbol.asyncDispose]();
  await replica.close();
});

function apply(
  fallback: readonly object[],
  serviceSpec: object = {},
  routeSpec: object = {},
  replicaSpec: object = {},
): void {
  const others: Manifest[] = [service({ endpoints: [{ address: replica.address }], ...replicaSpec }, 'replica')];
  rig.apply(manifestsOf(service({ fallback, ...serviceSpec }), ...others, route(routeSpec)));
}

async function ask(request: string = GET): Promise<{ status: number; body: string; head: string }> {
  const client = await rig.connect();
  client.send(request);
  const { head, body } = await client.takeMessage();
  client.end();
  return { status: Number(head.slice(9, 12)), body, head };
}

function nothingIsLeft(): void {
  const { columns } = rig.shared;
  for (const [, slot] of rig.directory.endpoints.entries()) expect(columns.inFlight.total(slot)).toBe(0);
  for (const [, slot] of rig.directory.services.entries()) expect(columns.requests.total(slot)).toBe(0);
}

describe('another service is asked', () => {
  test('when retries are spent, and its answer is the client’s', async () => {
    apply([{ service: 'replica' }, CANNED], {}, RETRY);
    expect(await ask()).toMatchObject({ status: 200, body: 'replica' });
    expect([tries, replica.connections.length]).toEqual([2, 1]);
    expect(requestCounts(rig)).toEqual([{ route: 'all', service: 'svc', status: '200', count: 1 }]);
    expect(exposed(rig)).toContain('gateway_fallbacks_total{service="svc",kind="service"} 1\n');
    nothingIsLeft();
  });

  test('without any retries, after the answers and failures that would be tried again', async () => {
    apply([{ service: 'replica' }]);
    expect(await ask()).toMatchObject({ status: 200, body: 'replica' });
    mainAnswer = 'HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nmain';
    expect(await ask()).toMatchObject({ status: 500, body: 'main' });
  });

  test('when the breaker is open, with the body of a request that was never sent', async () => {
    apply([{ service: 'replica' }], { circuitBreaker: { consecutiveFailures: 1, openFor: '1h' } });
    await ask();
    expect(await ask(POST)).toMatchObject({ status: 200, body: 'replicaabc' });
    expect(tries).toBe(1);
    nothingIsLeft();
  });

  test('when no endpoint is healthy', async () => {
    apply([{ service: 'replica' }], { loadBalancing: { panicPercent: 0 } });
    rig.shared.endpointHealth.setHealthy(rig.directory.endpoints.slotOf(`svc/${rig.origin.address}`) as number, false);
    expect(await ask(POST)).toMatchObject({ status: 200, body: 'replicaabc' });
    expect(tries).toBe(0);
  });

  test('about a request that changes something only where the first was never reached', async () => {
    apply([{ service: 'replica' }, CANNED]);
    expect(await ask(POST)).toMatchObject({ status: 200, body: 'canned' });
    expect(replica.connections).toHaveLength(0);
    apply([{ service: 'replica' }, CANNED], { endpoints: [{ address: '127.0.0.1:1' }] });
    expect(await ask(POST)).toMatchObject({ status: 200, body: 'replicaabc' });
  });

  test('only with the whole body, which is held up to bufferBytes', async () => {
    const put = (length: number) =>
      `PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${'b'.repeat(length)}`;
    apply([{ service: 'replica' }, CANNED], {}, { retry: { attempts: 0, bufferBytes: '10B' } });
    expect(await ask(put(10))).toMatchObject({ body: `replica${'b'.repeat(10)}` });
    expect(await ask(put(11))).toMatchObject({ body: 'canned' });
  });

  test('within the time that is left of the request', async () => {
    rig.origin.answer(() => '');
    replica.answer(() => '');
    const perTry = { retry: { attempts: 0, on: ['timeout'], perTryTimeout: '200ms' } };
    apply([{ service: 'replica' }], {}, { timeout: '300ms', ...perTry });
    const sinceMs = performance.now();
    expect(problemOf(await ask())).toMatchObject({ status: 504, code: 'upstream_timeout' });
    expect(performance.now() - sinceMs).toBeGreaterThanOrEqual(295);
    expect(replica.connections).toHaveLength(1);
    nothingIsLeft();
  });

  test('with its own breaker, bound and retries, and without what it falls back on itself', async () => {
    replica.answer(() => UNAVAILABLE.replace('main', 'also'));
    apply([{ service: 'replica' }], {}, {}, { ...RETRY, fallback: [CANNED] });
    expect(await ask()).toMatchObject({ status: 503, body: 'also' });
    apply([{ service: 'replica' }, CANNED], {}, {}, { circuitBreaker: { consecutiveFailures: 1 } });
    expect(await ask()).toMatchObject({ body: 'canned' });
    const asked = replica.connections.length;
    expect(await ask()).toMatchObject({ body: 'canned' });
    expect(replica.connections).toHaveLength(asked);
    apply([{ service: 'replica' }], { maxConcurrentRequests: 1 }, {}, { maxConcurrentRequests: 1 });
    nothingIsLeft();
  });

  test('as it is now, whenever it was changed', async () => {
    apply([{ service: 'replica' }]);
    expect(await ask()).toMatchObject({ body: 'replica' });
    const third = await RawOrigin.start();
    third.answer(() => 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthird');
    rig.apply(manifestsOf(service({ endpoints: [{ address: third.address }] }, 'replica')));
    expect(await ask()).toMatchObject({ body: 'third' });
    rig.commit({ upserts: [], removals: [{ kind: 'Service', name: 'replica' }] });
    expect(await ask()).toMatchObject({ status: 503, body: 'main' });
    await third.close();
  });
});

describe('a fixed answer is given', () => {
  test('with its fields and the route’s, and the client’s connection goes on', async () => {
    apply([CANNED], {}, { responseHeaders: { set: { 'x-route': 'edited' } } });
    const client = await rig.connect();
    for (let n = 0; n < 2; n++) {
      client.send(POST);
      const { head, body } = await client.takeMessage();
      expect([head.slice(0, 15), body]).toEqual(['HTTP/1.1 200 OK', 'canned']);
      expect(head).toContain('\r\nx-canned: yes\r\n');
      expect(head).toContain('\r\nx-route: edited\r\n');
    }
    expect(exposed(rig)).toContain('gateway_fallbacks_total{service="svc",kind="response"} 2\n');
  });

  test('where each before it fails, in order', async () => {
    replica.answer(() => UNAVAILABLE);
    apply([{ service: 'replica' }, CANNED]);
    expect(await ask()).toMatchObject({ body: 'canned' });
    expect([tries, replica.connections.length]).toEqual([1, 1]);
    nothingIsLeft();
  });

  test('when the request’s time is over, where timeouts are a condition', async () => {
    rig.origin.answer(() => '');
    apply([CANNED], {}, { timeout: '200ms', retry: { attempts: 0, on: ['timeout'] } });
    expect(await ask()).toMatchObject({ body: 'canned' });
    apply([CANNED], {}, { timeout: '200ms' });
    expect(await ask()).toMatchObject({ body: 'canned' });
    apply([CANNED], {}, { timeout: '200ms', retry: { attempts: 0, on: ['reset', '503'] } });
    expect(problemOf(await ask())).toMatchObject({ status: 504 });
  });

  test('never after bytes of an answer went out', async () => {
    apply([CANNED]);
    rig.origin.onConnection = (peer) => {
      peer.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
    };
    const client = await rig.connect();
    client.send(GET);
    const upstream = await rig.origin.accept();
    await client.take('hello');
    upstream.end();
    expect(await client.takeEnding()).toBe('reset');
    expect(client.received).toBe('');
  });
});

test('what a service has too much of is no reason to fall back', async () => {
  apply([CANNED], { maxConcurrentRequests: 1 });
  rig.origin.onConnection = () => undefined;
  const held = await rig.connect();
  held.send(GET);
  await rig.origin.acceptRequest();
  expect(problemOf(await ask())).toMatchObject({ status: 503, code: 'overloaded' });
});
