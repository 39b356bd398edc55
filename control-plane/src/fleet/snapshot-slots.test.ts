import { expect, it } from 'vitest';
import { SnapshotSlots } from './snapshot-slots.ts';
import { until } from './testing/until.ts';

const signal = new AbortController().signal;

/** Takes a slot and says when it was granted. */
function take(slots: SnapshotSlots, cancel: AbortSignal = signal) {
  const taken = { release: undefined as (() => void) | undefined, error: undefined as unknown };
  slots.take(cancel).then(
    (release) => {
      taken.release = release;
    },
    (error: unknown) => {
      taken.error = error;
    },
  );
  return taken;
}

it('as many are taken as there are, the others wait in order', async () => {
  const slots = new SnapshotSlots({ slots: 2, maxWaiting: 2, leaseMs: 10_000 });
  const [first, second, third, fourth] = [take(slots), take(slots), take(slots), take(slots)];
  await until(() => second.release !== undefined);
  expect([third.release, fourth.release, slots.waiting, slots.overloaded]).toEqual([undefined, undefined, 2, true]);
  first.release?.();
  first.release?.();
  await until(() => third.release !== undefined);
  expect([fourth.release, slots.overloaded]).toEqual([undefined, false]);
  third.release?.();
  await until(() => fourth.release !== undefined);
  second.release?.();
  fourth.release?.();
  const next = [take(slots), take(slots), take(slots)];
  await until(() => next[1]!.release !== undefined);
  expect(slots.waiting).toBe(1);
});

it('one that gives up waiting leaves the line', async () => {
  const slots = new SnapshotSlots({ slots: 1, maxWaiting: 8, leaseMs: 10_000 });
  const first = take(slots);
  const abort = new AbortController();
  const [second, third] = [take(slots, abort.signal), take(slots)];
  await until(() => slots.waiting === 2);
  abort.abort(new Error('gone'));
  await until(() => second.error !== undefined);
  first.release?.();
  await until(() => third.release !== undefined);
});

it('a slot that is held too long goes to the next', async () => {
  const slots = new SnapshotSlots({ slots: 1, maxWaiting: 8, leaseMs: 20 });
  const first = take(slots);
  const second = take(slots);
  await until(() => second.release !== undefined);
  first.release?.();
  const third = take(slots);
  await until(() => third.release !== undefined);
});
