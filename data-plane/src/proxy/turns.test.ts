import { expect, test } from 'vitest';
import { sharedClock } from '../shared/index.ts';
import { TURN_MS, Turns } from './turns.ts';

/** A clock that stands still unless moved. */
function handClock() {
  const clock = { ms: 0, nowMs: () => clock.ms, nowUs: () => clock.ms * 1000 };
  return clock;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('requests are begun for so long in one turn, and then in the next', async () => {
  const clock = handClock();
  const turns = new Turns(clock);
  for (let n = 0; n < 100; n++) expect(turns.spent()).toBe(false);
  clock.ms = TURN_MS;
  for (let n = 0; n < 100; n++) expect(turns.spent()).toBe(false);
  clock.ms = TURN_MS + 1;
  const late = Array.from({ length: 8 }, () => turns.spent());
  expect(late.at(-1)).toBe(true);
  expect(turns.spent()).toBe(true);
  await turn();
  expect(turns.spent()).toBe(false);
});

test('what is put off goes on in order, after another turn in which its client may show that it is gone', async () => {
  const turns = new Turns(sharedClock(0n));
  const order: number[] = [];
  for (let n = 0; n < 5; n++) turns.putOff({ heldSinceMs: 0, takeUp: () => order.push(n) });
  await turn();
  expect(order).toEqual([]);
  await turn();
  expect(order).toEqual([0, 1, 2, 3, 4]);
});

test('what is put off goes on for so long too, and says how long it has waited', async () => {
  const clock = handClock();
  const turns = new Turns(clock);
  let takenUp = 0;
  for (let n = 0; n < 10; n++) {
    turns.putOff({
      heldSinceMs: n,
      takeUp: () => {
        takenUp++;
        clock.ms += 20;
      },
    });
  }
  expect([turns.waitMs(5), turns.waitMs(50)]).toEqual([5, 50]);
  await turn();
  await turn();
  expect([takenUp, turns.waitMs(100)]).toEqual([3, 97]);
  while (takenUp < 10) await turn();
  expect(turns.waitMs(100)).toBe(0);
});
