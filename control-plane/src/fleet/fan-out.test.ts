import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { NodeState, SyncService } from '@sluice/proto';
import { createGrpcClient } from '@sluice/proto/grpc-client';
import { afterEach, expect, it } from 'vitest';
import { checkHistory } from './testing/check-history.ts';
import { type ServedFleet, serveFleet } from './testing/serve-fleet.ts';
import { TestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';

const open: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function serve(options: Parameters<typeof serveFleet>[0] = {}): Promise<ServedFleet> {
  const served = await serveFleet(options);
  open.push(() => served[Symbol.asyncDispose]());
  return served;
}

it('a thousand nodes that connect at once get their snapshots, and then each change', async () => {
  const served = await serve();
  served.change(
    served.config,
    Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`Route/r${n}`, 'x'.repeat(200)])),
  );
  const nodes = new Map<string, TestNode>();
  const refused: string[] = [];
  const connect = (id: string) => nodes.set(id, new TestNode({ address: served.address, id, connections: 20 }));
  for (let n = 0; n < 1000; n++) connect(`n${n}`);
  open.push(() => {
    for (const node of nodes.values()) node.close();
  });
  await until(() => {
    for (const [id, { ended }] of nodes) {
      if (ended === undefined) continue;
      if (ended === 'closed' || ended.code !== 'resource_exhausted') throw new Error(`${id}: ${ended}`);
      refused.push(id);
      connect(id);
    }
    return [...nodes.values()].every((node) => node.config.revision === 1);
  });
  expect(served.fleet.size).toBe(1000);

  served.change(served.config, { 'Route/r1': 'changed' });
  await until(() => [...nodes.values()].every((node) => node.config.revision === 2), 30_000);
  expect(checkHistory([...nodes.values()], served)).toEqual([]);
});

it('a node that does not read holds up nobody, and costs no more than what is on its way', async () => {
  const served = await serve();
  const big = (fill: string) =>
    Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`Route/r${n}`, fill.repeat(50_000)]));
  served.change(served.config, big('a'));
  const slow = new TestNode({ address: served.address, id: 'slow' });
  const quick = new TestNode({ address: served.address, id: 'quick' });
  open.push(() => {
    slow.close();
    quick.close();
  });
  await until(() => slow.config.revision === 1 && quick.config.revision === 1);
  slow.pause();
  for (let n = 2; n <= 12; n++) {
    served.change(served.config, big('abcdefghijklm'.charAt(n)));
    await until(() => quick.config.revision === n);
  }
  expect(slow.config.revision).toBe(1);
  const before = slow.updates.length;
  slow.resume();
  await until(() => slow.config.revision === 12);
  expect(slow.updates.length - before).toBeLessThanOrEqual(2);
});

it('streams that are reset while they wait to be read are let go', async () => {
  const served = await serve();
  served.change(
    served.config,
    Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`Route/r${n}`, 'x'.repeat(200_000)])),
  );
  const client = createGrpcClient(SyncService, served.address);
  const calls = Array.from({ length: 20 }, (_, n) => {
    const call = client.watch();
    call.on('error', () => undefined);
    call.write({ message: { case: 'hello', value: { nodeId: `n${n}`, group: 'default', protocol: 1 } } });
    return call;
  });
  await until(() => served.fleet.size === 20);
  for (const call of calls) call.pause();
  await until(() => [...served.fleet.sessions()].some((session) => session.feed(1).state.kind === 'sending'));
  for (const call of calls) call.cancel();
  await until(() => served.fleet.size === 0);
  client.close();
  const nodes = await served.fleet.nodes();
  expect(nodes.every(({ state }) => state === NodeState.DISCONNECTED)).toBe(true);
  expect(served.log).toEqual([]);
});

it('a process that is stopped is found by pings, and its connection is dropped', async () => {
  const served = await serve({ heartbeatIntervalMs: 60_000, pingIntervalMs: 100 });
  const script = new URL('./testing/stuck-node.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, served.address, 'n1'], { stdio: ['ignore', 'pipe', 'inherit'] });
  open.push(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  expect(served.fleet.size).toBe(1);
  child.kill('SIGSTOP');
  await until(() => served.fleet.size === 0);
});
