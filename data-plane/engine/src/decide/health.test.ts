import fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterProbe, type HealthState, isPanic, UNPROBED } from './health.ts';

test('an endpoint is what it was unless the last probes all say the contrary', () => {
  const times = fc.integer({ min: 1, max: 5 });
  fc.assert(
    fc.property(times, times, fc.array(fc.boolean()), (healthyAfter, unhealthyAfter, probes) => {
      let state: HealthState = UNPROBED;
      let healthy = true;
      probes.forEach((probe, i) => {
        state = afterProbe(state, probe, { healthyAfter, unhealthyAfter });
        const needed = healthy ? unhealthyAfter : healthyAfter;
        const last = probes.slice(Math.max(0, i + 1 - needed), i + 1);
        // Runs never reach back over a change: the probe that made it was of the other kind.
        if (last.length === needed && last.every((each) => each !== healthy)) healthy = !healthy;
        expect(state.healthy).toBe(healthy);
      });
    }),
  );
});

test.each([
  [1, 2, 50, false],
  [0, 2, 50, true],
  [4, 10, 50, true],
  [5, 10, 50, false],
  [0, 10, 0, false],
  [9, 10, 100, true],
  [10, 10, 100, false],
  [0, 0, 50, false],
])('%i healthy of %i at %i %%: panic %s', (healthy, all, percent, panic) => {
  expect(isPanic(healthy, all, percent)).toBe(panic);
});
