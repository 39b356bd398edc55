import { hash } from 'node:crypto';
import { isMainThread, workerData } from 'node:worker_threads';
import { KeyReader } from '../key-reader.ts';

/** Words of `KeyReading.signals`; from SEEN on one for each reader. */
export const STOP = 0;
export const TICK = 1;
export const SEEN = 2;

/** Keys that are put again all the time, each with the secret it always had. */
export const STABLE_KEYS = 8;
/**
 * Keys that are rotated, deleted and made anew all the time: in generation 2n a key has the secret of that generation, in 2n+1 it is not
 * there.
 */
export const CHANGING_KEYS = 48;

export interface KeyReading {
  readonly keys: SharedArrayBuffer;
  readonly signals: SharedArrayBuffer;
  /** Of each changing key the generation that is there, and the one that is there or about to be. */
  readonly done: SharedArrayBuffer;
  readonly started: SharedArrayBuffer;
  /** Of each reader, how many lookups it made. */
  readonly lookups: SharedArrayBuffer;
  readonly reader: number;
}

export const stableName = (key: number): string => `stable-${key}`;
export const changingName = (key: number): string => `changing-${key}`;
export const changingSecret = (key: number, generation: number): string => `changing-${key}/${generation}`;
/** So that what is read of two keys shows. */
export const consumerOf = (name: string): string => `of-${name}`;

if (!isMainThread) readKeys(workerData as KeyReading);

/** @throws Error where a lookup says what cannot be */
function readKeys({ keys, signals, done, started, lookups, reader }: KeyReading): void {
  const memory = new KeyReader(keys, () => undefined);
  const signal = new Int32Array(signals);
  const [doneOf, startedOf, made] = [new Int32Array(done), new Int32Array(started), new Int32Array(lookups)];
  let random = reader + 1;
  const find = (secret: string) => memory.find(hash('sha256', secret, 'buffer'));
  for (let count = 1; Atomics.load(signal, STOP) === 0; count++) {
    // Nothing is being read now: what was retired before this tick may be used again.
    Atomics.store(signal, SEEN + reader, Atomics.load(signal, TICK));
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    const number = random >>> 16;
    if (number % 2 === 0) {
      const name = stableName((number >>> 1) % STABLE_KEYS);
      check(name, find(name), true);
    } else {
      const key = (number >>> 1) % CHANGING_KEYS;
      const before = Atomics.load(doneOf, key);
      const generation = Math.max(0, Atomics.load(startedOf, key) - ((number >>> 8) % 3));
      const found = find(changingSecret(key, generation));
      const after = Atomics.load(startedOf, key);
      const mayBe = generation % 2 === 0 && before <= generation && generation <= after;
      const mustBe = mayBe && before === after;
      check(changingName(key), found, mustBe ? true : mayBe ? undefined : false, `${before}..${after}: ${generation}`);
    }
    Atomics.store(made, reader, count);
  }
}

/** @param isThere undefined: it may be or not */
function check(
  name: string,
  found: { readonly name: string; readonly consumer: string } | undefined,
  isThere: boolean | undefined,
  detail = '',
): void {
  if (found === undefined ? isThere === true : isThere === false) {
    throw new Error(`${name} ${detail} was ${found === undefined ? 'not found' : 'found'}`);
  }
  if (found !== undefined && (found.name !== name || found.consumer !== consumerOf(name))) {
    throw new Error(`${name} ${detail} was found as ${found.name} of ${found.consumer}`);
  }
}
