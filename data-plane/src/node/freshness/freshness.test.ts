import { describe, expect, test } from 'vitest';
import { Freshness } from './freshness.ts';

function start() {
  const state = { nowMs: 1000, active: { revision: 5, factsVersion: 7 }, confirmations: 0 };
  const freshness = new Freshness(
    () => state.nowMs,
    () => state.active,
  );
  freshness.onConfirmed = () => state.confirmations++;
  return { state, freshness };
}

const at = (revision: number, factsVersion: number) => ({ revision, factsVersion });

describe('what a node has is confirmed', () => {
  test('at once where it is what is named', () => {
    const { state, freshness } = start();
    state.nowMs += 400;
    freshness.welcomed(at(5, 7), false);
    expect([freshness.ageMs, freshness.isStale, state.confirmations]).toEqual([0, false, 1]);
  });

  test.each([
    ['config', at(6, 7)],
    ['facts', at(5, 8)],
  ])('when the %s that is named is active, as of when it was named', (_, named) => {
    const { state, freshness } = start();
    state.nowMs += 400;
    freshness.welcomed(named, false);
    expect(freshness.ageMs).toBe(400);
    state.nowMs += 100;
    state.active = named;
    freshness.applied();
    expect([freshness.ageMs, state.confirmations]).toEqual([100, 1]);
  });

  test('although something newer is named each time: the first that it waits for counts, then the next', () => {
    const { state, freshness } = start();
    freshness.welcomed(at(6, 7), false);
    state.nowMs += 100;
    freshness.named(at(7, 7), false);
    state.active = at(6, 7);
    freshness.applied();
    expect(freshness.ageMs).toBe(100);
    state.nowMs += 100;
    freshness.named(at(8, 7), false);
    state.active = at(8, 7);
    state.nowMs += 10;
    freshness.applied();
    expect(freshness.ageMs).toBe(10);
  });

  test('never by what was named before the connection was lost, nor while it diverges', () => {
    const { state, freshness } = start();
    freshness.welcomed(at(6, 7), false);
    freshness.disconnected();
    state.active = at(6, 7);
    state.nowMs += 500;
    freshness.applied();
    freshness.welcomed(at(6, 7), true);
    freshness.named(at(6, 7), true);
    expect([freshness.ageMs, freshness.isStale, freshness.diverged]).toEqual([500, true, true]);
    freshness.applied();
    expect(freshness.ageMs).toBe(500);
    freshness.named(at(6, 7), false);
    expect([freshness.ageMs, freshness.isStale]).toEqual([0, false]);
  });

  test('as long ago as it was when it is restored', () => {
    const { state, freshness } = start();
    freshness.restored(3000);
    state.nowMs += 1;
    expect(freshness.ageMs).toBe(3001);
  });
});
