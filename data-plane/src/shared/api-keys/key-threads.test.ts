import { Worker } from 'node:worker_threads';
import type { TrackItem } from '@sluice/engine';
import { expect, test } from 'vitest';
import { ended } from '../testing/hammers.ts';
import { KeyStaging, type KeyStore } from './index.ts';
import {
  CHANGING_KEYS,
  changingName,
  changingSecret,
  consumerOf,
  type KeyReading,
  SEEN,
  STABLE_KEYS,
  STOP,
  stableName,
  TICK,
} from './testing/key-reading.ts';
import { keyItem, newKeys, secretHash } from './testing/keys.ts';

const READERS = 3;
const LOOKUPS_OF_EACH = 20_000;
const ROUNDS = 25;
/** Made in one round and deleted in the next but one: what finds them grows and is rebuilt, and other keys come where they were. */
const PASSING_KEYS = 400;
/** How often the stable keys are put again in a round. */
const REPEATS = 40;
const DEADLINE_MS = 50_000;

async function change(store: KeyStore, puts: readonly TrackItem[], removals: readonly string[] = []): Promise<void> {
  const staging = new KeyStaging(store, false);
  for (const name of removals) staging.remove(name);
  for (const item of puts) staging.put(item);
  await staging.apply();
}

/** As a node does it: what was retired is used again when every reader has answered since. */
async function reclaim(store: KeyStore, signal: Int32Array, isOver: () => boolean): Promise<void> {
  const { retired } = store.heap;
  const tick = Atomics.add(signal, TICK, 1) + 1;
  for (let reader = 0; reader < READERS; reader++) {
    while (Atomics.load(signal, SEEN + reader) < tick) {
      if (isOver()) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  store.heap.reclaim(retired);
}

/** A key nobody looks up, in the same part of the index as a stable one. */
function passingItem(name: string, number: number): TrackItem {
  const hash = secretHash(name);
  secretHash(stableName(number % STABLE_KEYS)).copy(hash, 0, 0, 4);
  return keyItem(name, { hash });
}

test('threads that look keys up while they are changed, deleted and made find each as it was or as it is', async () => {
  const { store, memory } = newKeys();
  const words = (length: number) => new SharedArrayBuffer(4 * length);
  const shared = {
    ...{ keys: memory, signals: words(SEEN + READERS), lookups: words(READERS) },
    ...{ done: words(CHANGING_KEYS), started: words(CHANGING_KEYS) },
  };
  const signal = new Int32Array(shared.signals);
  const [done, started, lookups] = [shared.done, shared.started, shared.lookups].map(
    (each) => new Int32Array(each),
  ) as [Int32Array, Int32Array, Int32Array];
  const stable = (round: number) =>
    Array.from({ length: STABLE_KEYS }, (_, key) => {
      const name = stableName(key);
      return keyItem(name, { consumer: consumerOf(name), expiresAt: { seconds: BigInt(10_000_000_000 + round) } });
    });
  const changing = (key: number, generation: number) => {
    const name = changingName(key);
    return keyItem(name, { consumer: consumerOf(name), hash: secretHash(changingSecret(key, generation)) });
  };
  const passing = (round: number) => Array.from({ length: PASSING_KEYS }, (_, i) => `passing-${round}-${i}`);
  const first = new KeyStaging(store, true);
  for (const item of stable(0)) first.put(item);
  for (let key = 0; key < CHANGING_KEYS; key++) first.put(changing(key, 0));
  await first.apply();

  let failure: Error | undefined;
  const ends = Array.from({ length: READERS }, (_, reader) => {
    const program = new URL('./testing/key-reading.ts', import.meta.url).href;
    const workerData: KeyReading & { program: string } = { ...shared, reader, program };
    const worker = new Worker(new URL('../testing/thread.ts', import.meta.url), { workerData });
    worker.on('error', (error: Error) => {
      failure ??= error;
    });
    return ended(worker).catch((error: Error) => {
      failure ??= error;
    });
  });
  const deadline = performance.now() + DEADLINE_MS;
  const isOver = (): boolean => {
    if (performance.now() > deadline) failure ??= new Error(`only ${[...lookups].join(', ')} lookups`);
    return failure !== undefined;
  };
  const isEnough = (round: number) => round > ROUNDS && lookups.every((count) => count >= LOOKUPS_OF_EACH);
  for (let round = 1; !isOver() && !isEnough(round); round++) {
    for (let repeat = 0; repeat < REPEATS; repeat++) await change(store, stable(round * REPEATS + repeat));
    const puts = passing(round).map(passingItem);
    const removals = round > 2 ? passing(round - 2) : [];
    for (let key = 0; key < CHANGING_KEYS; key++) {
      // Two of three are rotated, one is deleted or comes back.
      const generation = done[key]! + ((round + key) % 3 === 0 || done[key]! % 2 === 1 ? 1 : 2);
      Atomics.store(started, key, generation);
      if (generation % 2 === 0) puts.push(changing(key, generation));
      else removals.push(changingName(key));
    }
    await change(store, puts, removals);
    for (let key = 0; key < CHANGING_KEYS; key++) Atomics.store(done, key, Atomics.load(started, key));
    await reclaim(store, signal, isOver);
  }
  Atomics.store(signal, STOP, 1);
  await Promise.all(ends);
  expect(failure).toBeUndefined();
});
