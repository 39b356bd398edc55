import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { Metadata, Server, ServerCredentials, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { createLog } from '@sluice/engine';
import { SyncService, Track } from '@sluice/proto';
import { afterEach, expect, it } from 'vitest';
import { WatchClient } from './watch-client.ts';

const open: (() => unknown)[] = [];

afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

/** A control plane that turns every node away; the moments it did. */
async function serveRefusals(code: status, pushbackMs: number | undefined) {
  const { watch } = SyncService.method;
  const refusedAtMs: number[] = [];
  const server = new Server();
  server.addService(
    {
      watch: {
        path: `/${SyncService.typeName}/${watch.name}`,
        requestStream: true,
        responseStream: true,
        requestSerialize: (message) => Buffer.from(toBinary(watch.input, message)),
        requestDeserialize: (bytes) => fromBinary(watch.input, bytes),
        responseSerialize: (message) => Buffer.from(toBinary(watch.output, message)),
        responseDeserialize: (bytes) => fromBinary(watch.output, bytes),
      },
    },
    {
      watch(call: ServerDuplexStream<unknown, unknown>) {
        call.once('data', () => {
          refusedAtMs.push(performance.now());
          const metadata = new Metadata();
          if (pushbackMs !== undefined) metadata.set('grpc-retry-pushback-ms', String(pushbackMs));
          call.emit('error', { code, details: 'come back later', metadata });
        });
      },
    },
  );
  open.push(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { refusedAtMs, address: `http://127.0.0.1:${port}` };
}

/** A watch of a node that has nothing; `random` decides how waits are spread. */
function startWatch(address: string, random: () => number): void {
  const client = new WatchClient({
    controlPlanes: [address],
    token: undefined,
    log: createLog(
      'error',
      () => undefined,
      () => new Date(),
    ),
    node: {
      hello: () => ({ nodeId: 'n1', group: 'default', protocol: 1 }),
      status: () => ({}),
      stageKeys: () => {
        throw new Error('there are no snapshots here');
      },
      apply: () => Promise.resolve(undefined),
      position: () => ({ track: Track.CONFIG }),
      welcomed: () => undefined,
      named: () => undefined,
      noFacts: () => undefined,
      command: () => Promise.resolve({}),
    },
    onDisconnect: () => undefined,
    random,
  });
  open.push(() => client.close());
  void client.run();
}

it.each([
  { name: 'resource_exhausted', code: status.RESOURCE_EXHAUSTED },
  { name: 'unavailable', code: status.UNAVAILABLE },
])('a node that is turned away with $name comes back when it was told to', async ({ code }) => {
  const served = await serveRefusals(code, 700);
  startWatch(served.address, () => 0.5);
  await expect.poll(() => served.refusedAtMs.length, { interval: 10 }).toBe(2);
  const [first, second] = served.refusedAtMs;
  expect(second! - first!).toBeGreaterThanOrEqual(700 * 1.125 - 5);
});

it('a node that is told no time comes back by its own backoff', async () => {
  const served = await serveRefusals(status.UNAVAILABLE, undefined);
  startWatch(served.address, () => 0);
  await expect.poll(() => served.refusedAtMs.length, { interval: 10 }).toBe(2);
  const [first, second] = served.refusedAtMs;
  expect(second! - first!).toBeLessThan(700);
});
