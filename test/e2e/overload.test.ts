/** A worker with more to do than it can, and one with hardly any memory left: what they serve, they serve in time, and they recover. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { forwardAll, type Gateway, listener, readMetric, startGateway } from '../harness/gateway.ts';
import { startLoad } from '../harness/load.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { startProcess } from '../harness/process.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

let origin: Origin;
let gateway: Gateway;

beforeAll(async () => {
  origin = await startOrigin(({ target }) => ({ body: target }));
  gateway = await startGateway({
    node: {
      workers: 1,
      env: { SLUICE_FAULTS: 'spin-header=x-spin heap-header=x-heap', NODE_OPTIONS: '--max-old-space-size=192' },
    },
    manifest: `${listener({ connectionsPerClient: 100_000 })}---\n${forwardAll(origin.address)}`,
  });
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

const startSpinning = () =>
  startProcess({ name: 'spin', program: process.execPath, args: ['-e', "for (console.log('spins'); ; );"] });

const health = async () =>
  JSON.parse((await gateway.node.admin('/__health')).body) as { alive: boolean; overloaded: boolean };

const overflows = async () =>
  (await readMetric(gateway.node, 'gateway_overflow_total', 'what="requests"')) +
  (await readMetric(gateway.node, 'gateway_overflow_total', 'what="parked_connections"'));

describe('a machine that is loaded, with ordinary requests: none is refused and none left unread', () => {
  test('while two other processes take what they can get, with as many requests as the worker can do', async () => {
    const before = await overflows();
    await using _one = await startSpinning();
    await using _other = await startSpinning();
    const startedAt = performance.now();
    await using load = startLoad({ port: gateway.node.port, connections: 200, check: mustBe200 });
    await load.waitForRequests(500);
    await waitFor('it has gone on for long enough to be judged', () => performance.now() - startedAt > 4000);
    const report = await load.stop();
    expect(report).toMatchObject({ failed: 0, failures: [] });
    expect(report.requests).toBeGreaterThan(200);
    expect(await overflows()).toBe(before);
  });

  test('while the whole node stands still for most of each second', async () => {
    const { node } = gateway;
    const before = await overflows();
    await using load = startLoad({ port: node.port, connections: 200, check: mustBe200 });
    // Time itself is what is tested here.
    for (let n = 0; n < 6; n++) {
      node.pause();
      await delay(600);
      node.resume();
      await delay(80);
    }
    const report = await load.stop();
    expect(report).toMatchObject({ failed: 0, failures: [] });
    expect(report.requests).toBeGreaterThan(200);
    expect(await overflows()).toBe(before);
  });

  const mustBe200 = ({ status }: { readonly status: number }) => (status === 200 ? undefined : `answer ${status}`);
});

test('more than a worker can do: what waited too long is refused, in its turn and without ending the connection', async () => {
  const { port } = gateway.node;
  // 16 s of work at once, whatever the machine.
  const [connections, pipelined, headers] = [64, 50, { 'x-spin': '5' }];
  const statuses = await Promise.all(
    Array.from({ length: connections }, async () => {
      await using client = await connectRaw(port);
      const targets = Array.from({ length: pipelined }, (_, n) => `/${n}`);
      for (const target of targets) client.send({ target, headers });
      const answers: number[] = [];
      for (const target of targets) {
        const { status, body } = await client.read(60_000);
        if (status === 200) expect(body.toString()).toBe(target);
        else expect(JSON.parse(body.toString())).toMatchObject({ type: 'urn:sluice:problem:overloaded' });
        answers.push(status);
      }
      expect(client.isOpen()).toBe(true);
      return answers;
    }),
  );
  const served = statuses.flat().filter((status) => status === 200).length;
  expect(new Set(statuses.flat())).toEqual(new Set([200, 503]));
  // It works for about a second until it knows, and then for as long as anything may wait.
  expect(served).toBeLessThan((connections * pipelined) / 2);
  await using client = await connectRaw(port);
  expect((await client.request({}, 10_000)).status).toBe(200);
  await waitFor('it is overloaded no more', async () => !(await health()).overloaded);
});

describe('a heap that is nearly full', () => {
  const ask = async (heap?: string) => {
    await using client = await connectRaw(gateway.node.port);
    return await client.request(heap === undefined ? {} : { headers: { 'x-heap': heap } }, 20_000);
  };

  test('at 93 % no connection is kept, at 96 % requests are refused; health tells; it recovers alone', async () => {
    expect(await health()).toMatchObject({ alive: true, overloaded: false });
    const restarts = await readMetric(gateway.node, 'gateway_worker_restarts_total');
    expect((await ask('93:60000')).status).toBe(200);
    await waitFor('it is overloaded', async () => (await health()).overloaded);
    const last = await ask();
    expect([last.status, last.header('connection')]).toEqual([200, 'close']);

    const shed = await readMetric(gateway.node, 'gateway_overflow_total', 'what="requests"');
    expect((await ask('96:6000')).status).toBe(200);
    const refused = await waitFor('a request is refused', async () => {
      const answer = await ask();
      return answer.status === 503 && answer;
    });
    expect([refused.header('retry-after'), refused.header('connection')]).toEqual(['1', 'close']);
    expect(JSON.parse(refused.body.toString())).toMatchObject({ type: 'urn:sluice:problem:overloaded', status: 503 });
    expect(await health()).toMatchObject({ alive: true, overloaded: true });
    expect(await readMetric(gateway.node, 'gateway_overflow_total', 'what="requests"')).toBeGreaterThan(shed);
    await waitFor('it recovers', async () => (await ask()).header('connection') === undefined, { deadlineMs: 60_000 });
    expect((await ask()).status).toBe(200);
    expect(await readMetric(gateway.node, 'gateway_worker_restarts_total')).toBe(restarts);
  });
});
