import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { createResponseStore, ResponseStore } from './response-store.ts';

const key = (n: number) => ({ lo: Math.imul(n + 1, 0x9e3779b9), hi: Math.imul(n + 1, 0x85ebca6b) });
/** With one worker there are two rings. */
const region = (bytes: number, workers = 1) => ({ responses: createResponseStore(bytes, workers + 1) });
const filled = (length: number, byte: number): Buffer => Buffer.alloc(length, byte);

describe('the store of answers', () => {
  test('gives what was put, to every worker, and what was put last under a key', () => {
    const shared = region(1 << 20, 2);
    const [one, two] = [new ResponseStore(shared, 0), new ResponseStore(shared, 1)];
    expect(one.get(key(1))).toBeUndefined();
    expect(one.put(key(1), [filled(3, 1), filled(2, 2)])).toBe(true);
    expect(two.get(key(1))).toEqual(Buffer.from([1, 1, 1, 2, 2]));
    expect(two.put(key(1), [filled(4, 3)])).toBe(true);
    expect(one.get(key(1))).toEqual(filled(4, 3));
  });

  test('takes records up to a quarter of a ring, and none that is a byte larger', () => {
    const store = new ResponseStore(region(2 * 64 * 1024), 0);
    expect(store.largestBytes).toBe(16 * 1024 - 16);
    expect(store.put(key(1), [filled(store.largestBytes, 1)])).toBe(true);
    expect(store.get(key(1))).toHaveLength(store.largestBytes);
    expect(store.put(key(2), [filled(store.largestBytes + 1, 1)])).toBe(false);
    expect(store.get(key(2))).toBeUndefined();
  });

  test('keeps nothing where it has no memory, and the main thread has no ring', () => {
    expect(new ResponseStore(region(0), 0).put(key(1), [filled(1, 1)])).toBe(false);
    expect(new ResponseStore(region(0), 0).get(key(1))).toBeUndefined();
    expect(new ResponseStore(region(1 << 20), 2).put(key(1), [filled(1, 1)])).toBe(false);
  });

  test('forgets the oldest first, and never gives one record for another', () => {
    const store = new ResponseStore(region(2 * 64 * 1024), 0);
    for (let n = 0; n < 5000; n++) {
      const length = 1 + ((n * 7919) % 3000);
      store.put(key(n), [filled(length, n & 0xff)]);
      expect(store.get(key(n))).toEqual(filled(length, n & 0xff));
      const earlier = Math.max(0, n - 500);
      const old = store.get(key(earlier));
      if (old !== undefined) expect(old.every((byte) => byte === (earlier & 0xff))).toBe(true);
    }
    expect(store.get(key(0))).toBeUndefined();
    expect(store.get(key(4990))).toBeDefined();
  });

  test('goes on where a worker that died left its ring', () => {
    const shared = region(1 << 20);
    new ResponseStore(shared, 0).put(key(1), [filled(10, 1)]);
    const successor = new ResponseStore(shared, 0);
    expect(successor.get(key(1))).toEqual(filled(10, 1));
    successor.put(key(2), [filled(10, 2)]);
    expect(successor.get(key(1))).toEqual(filled(10, 1));
  });

  test('never gives half of a record while others write over it', async () => {
    const shared = region(3 * 32 * 1024, 2);
    const script = `
      const { workerData } = require('node:worker_threads');
      import(workerData.module).then(({ ResponseStore }) => {
        const store = new ResponseStore(workerData.shared, workerData.seat);
        const key = (n) => ({ lo: Math.imul(n + 1, 0x9e3779b9), hi: Math.imul(n + 1, 0x85ebca6b) });
        const stop = new Int32Array(workerData.stop);
        for (let n = 0; Atomics.load(stop, 0) === 0; n++) {
          store.put(key(n % 16), [Buffer.alloc(100 + (n * 7919) % 6000, (n % 16) + 16 * (n % 15))]);
        }
      });`;
    const stop = new SharedArrayBuffer(4);
    const module = new URL('./response-store.ts', import.meta.url).href;
    const workers = [0, 1].map(
      (seat) => new Worker(script, { eval: true, workerData: { shared, seat, stop, module } }),
    );
    const reader = new ResponseStore(shared, 2);
    let read = 0;
    const endMs = performance.now() + 30_000;
    while (read < 20_000 && performance.now() < endMs) {
      for (let n = 0; n < 16; n++) {
        const record = reader.get(key(n));
        if (record === undefined) continue;
        read++;
        const [first = 0] = record;
        if (first % 16 !== n || !record.equals(filled(record.length, first))) {
          expect.fail(`of key ${n}: ${record.subarray(0, 64).toString('hex')}`);
        }
      }
      if (read % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    Atomics.store(new Int32Array(stop), 0, 1);
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(read).toBeGreaterThan(1000);
  });
});
