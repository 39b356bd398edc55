import { once } from 'node:events';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import { encodeResource } from '@sluice/engine';
import { parseManifests } from '@sluice/engine/manifest';
import { expect, test } from 'vitest';
import { RawOrigin } from '../proxy/testing/raw-origin.ts';
import { RawPeer } from '../proxy/testing/raw-peer.ts';
import { attachShared, createSharedRegion } from '../shared/index.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { packChange, type SlotAssignments } from './packed-change.ts';

/** A worker thread and what it says. */
class TestWorker implements AsyncDisposable {
  readonly region = createSharedRegion({ workers: 1, limiterCells: 2048 });
  readonly shared = attachShared(this.region);
  readonly thread: Worker;
  readonly #heard: FromWorker[] = [];

  constructor(faults = '') {
    const workerData: WorkerStart = {
      index: 0,
      region: this.region,
      recordsSpans: false,
      group: 'default',
      zone: '',
      listeners: [{ name: 'http', host: '127.0.0.1', port: 0 }],
    };
    this.thread = new Worker(new URL('./run.ts', import.meta.url), {
      workerData,
      env: { ...process.env, SLUICE_FAULTS: faults },
    });
    this.thread.on('message', (message: FromWorker) => this.#heard.push(message));
  }

  tell(message: ToWorker): void {
    this.thread.postMessage(message);
  }

  async hear<T extends FromWorker['type']>(type: T): Promise<Extract<FromWorker, { type: T }>> {
    for (;;) {
      const at = this.#heard.findIndex((message) => message.type === type);
      if (at >= 0) return this.#heard.splice(at, 1)[0] as Extract<FromWorker, { type: T }>;
      await once(this.thread, 'message');
    }
  }

  stage(generation: number, manifests: string, slots: SlotAssignments): void {
    const { documents } = parseManifests(manifests, { file: 'test' });
    const upserts = documents.map(({ resource, kind, name }) => ({
      ...{ kind, name, unavailable: undefined },
      content: encodeResource(resource),
    }));
    this.tell({ type: 'stage', generation, packed: packChange({ upserts, removals: [] }, slots) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.thread.terminate();
  }
}

function manifests(address: string, prefix: string): string {
  return JSON.stringify({ kind: 'Service', name: 's', spec: { endpoints: [{ address }] } }).concat(
    '\n---\n',
    JSON.stringify({ kind: 'Route', name: 'r', spec: { match: [{ path: { prefix } }], service: 's' } }),
  );
}

const SLOTS: SlotAssignments = { routes: [['r', 2]], services: [['s', 2]], endpoints: [], limits: [], policies: [] };

async function statusOf(port: number, path: string): Promise<number> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  const client = new RawPeer(socket);
  client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  const { head } = await client.takeMessage();
  client.destroy();
  return Number(head.slice(9, 12));
}

test('a worker stages, serves what is active from the moment the cell says so, drains and leaves', async () => {
  const origin = await RawOrigin.start();
  origin.answer(() => 'HTTP/1.1 204 No Content\r\n\r\n');
  await using worker = new TestWorker();
  await worker.hear('ready');

  worker.tell({ type: 'bind', listener: 'http', host: '127.0.0.1', port: 0, exclusive: true });
  const { port } = await worker.hear('bound');
  expect(await statusOf(port, '/one')).toBe(503);

  worker.stage(1, manifests(origin.address, '/one'), SLOTS);
  expect(await worker.hear('staged')).toEqual({ type: 'staged', generation: 1 });
  expect(await statusOf(port, '/one')).toBe(503);
  worker.shared.control.activate(1);
  expect(await statusOf(port, '/one')).toBe(204);
  expect(worker.shared.control.workerGeneration(0)).toBe(1);
  expect(worker.shared.control.workerState(0)).toBe('ready');

  worker.stage(2, manifests(origin.address, '/two'), SLOTS);
  await worker.hear('staged');
  expect(await statusOf(port, '/two')).toBe(404);
  worker.shared.control.activate(2);
  expect([await statusOf(port, '/two'), await statusOf(port, '/one')]).toEqual([204, 404]);

  worker.tell({ type: 'drain', deadlineMs: 1000 });
  expect(await worker.hear('drained')).toEqual({ type: 'drained', cut: 0 });
  worker.tell({ type: 'close' });
  await once(worker.thread, 'exit');
  await origin.close();
});

test('a port in use and a change that cannot be built are reported', async () => {
  await using first = new TestWorker();
  await using second = new TestWorker();
  first.tell({ type: 'bind', listener: 'http', host: '127.0.0.1', port: 0, exclusive: true });
  const { port } = await first.hear('bound');
  second.tell({ type: 'bind', listener: 'http', host: '127.0.0.1', port, exclusive: true });
  expect(await second.hear('bindFailed')).toMatchObject({ listener: 'http', code: 'EADDRINUSE' });

  const upserts = [{ kind: 'Route', name: 'r', unavailable: undefined, content: Buffer.from('nonsense') }];
  first.tell({ type: 'stage', generation: 1, packed: packChange({ upserts, removals: [] }, SLOTS) });
  expect((await first.hear('staged')).error).toContain('does not decode');
});

test('SLUICE_FAULTS delays the staging of one worker and crashes it on a header', async () => {
  await using worker = new TestWorker('delay-stage=0:300 crash-header=x-crash');
  await worker.hear('ready');
  const startedMs = performance.now();
  worker.stage(1, manifests('127.0.0.1:1', '/'), SLOTS);
  await worker.hear('staged');
  expect(performance.now() - startedMs).toBeGreaterThan(290);
  worker.tell({ type: 'bind', listener: 'http', host: '127.0.0.1', port: 0, exclusive: true });
  const { port } = await worker.hear('bound');
  const crashed = once(worker.thread, 'error');
  connect({ port, host: '127.0.0.1' })
    .on('error', () => undefined)
    .write('GET / HTTP/1.1\r\nHost: a\r\nX-Crash: now\r\n\r\n');
  expect(await crashed).toMatchObject([{ message: 'asked to crash' }]);
});
