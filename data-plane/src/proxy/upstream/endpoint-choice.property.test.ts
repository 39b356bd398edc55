import { type EndpointPlan, hashTable, isPanic, type ServicePlan } from '@sluice/engine';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { attachShared, createSharedRegion, type Shared } from '../../shared/index.ts';
import { EndpointChoice } from './endpoint-choice.ts';

const OUTLIERS = { consecutiveFailures: 1, baseEjectionMs: 1_000, maxEjectedPercent: 100 };

/** What happens to an endpoint, or to time. */
const step = fc.record({
  endpoint: fc.nat({ max: 5 }),
  what: fc.constantFrom('sicken', 'heal', 'fail', 'arrive', 'nothing'),
  passedMs: fc.oneof(fc.nat({ max: 30 }), fc.nat({ max: 3_000 })),
  avoids: fc.boolean(),
  hash: fc.nat({ max: 0xffffffff }),
});

const settings = fc.record({
  zones: fc.array(fc.constantFrom('', 'here', 'there'), { minLength: 1, maxLength: 6 }),
  priorities: fc.array(fc.constantFrom(0, 1, 7), { minLength: 6, maxLength: 6 }),
  weights: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 6, maxLength: 6 }),
  balancer: fc.constantFrom('roundRobin', 'leastRequest', 'random', 'ring', 'maglev'),
  panicPercent: fc.constantFrom(0, 30, 50, 100),
  slowStartMs: fc.constantFrom(0, 2_000),
  preferredZone: fc.constantFrom(undefined, 'here'),
  outliers: fc.constantFrom(undefined, OUTLIERS),
});

type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never;

function planOf({ zones, priorities, weights, balancer, ...rest }: Settings): ServicePlan {
  const endpoints: EndpointPlan[] = zones.map((zone, index) => ({
    ...{
      address: `10.0.0.${index}:80`,
      host: `10.0.0.${index}`,
      port: 80,
      weight: weights[index]!,
      zone,
      // Nothing has both.
      priority: rest.preferredZone === undefined ? priorities[index]! : 0,
      slot: index + 2,
    },
  }));
  return {
    ...{
      name: 's',
      slot: 2,
      enabled: true,
      endpoints,
      isDiscovered: false,
      healthCheck: undefined,
      breaker: undefined,
    },
    ...{
      connectTimeoutMs: 1,
      idleTimeoutMs: 1,
      connectionsPerEndpoint: 1,
      pendingRequests: 1,
      maxConcurrentRequests: 0,
    },
    ...rest,
    balancer:
      balancer === 'ring' || balancer === 'maglev'
        ? { kind: 'consistentHash', by: [], algorithm: balancer, table: hashTable(endpoints, balancer) }
        : { kind: balancer },
  };
}

/** Which endpoints may be picked, told in the plainest way; empty: none is there to pick. */
function allowed(plan: ServicePlan, { endpointHealth, outliers }: Shared, avoided: number, nowMs: number): number[] {
  const { endpoints, panicPercent, preferredZone } = plan;
  const isOut = (slot: number) => plan.outliers !== undefined && outliers.untilMs(slot) > nowMs;
  let usable = endpoints.filter(({ slot }) => endpointHealth.isHealthy(slot) && !isOut(slot));
  const first = [0, 1, 7].find((wanted) => {
    const left = usable.filter(({ priority }) => priority === wanted).length;
    return left > 0 && !isPanic(left, endpoints.filter(({ priority }) => priority === wanted).length, panicPercent);
  });
  if (first === undefined && isPanic(usable.length, endpoints.length, panicPercent)) usable = [...endpoints];
  const own = endpoints.filter(({ zone }) => zone === preferredZone);
  const ownUsable = usable.filter((endpoint) => own.includes(endpoint));
  const staysHome = ownUsable.length > 0 && !isPanic(ownUsable.length, own.length, panicPercent);
  const ranked = first === undefined ? usable : usable.filter(({ priority }) => priority === first);
  const preferred = staysHome ? ownUsable : ranked;
  const others = (candidates: readonly EndpointPlan[]) => candidates.filter(({ slot }) => slot !== avoided);
  const picked = [others(preferred), others(usable), preferred].find((candidates) => candidates.length > 0) ?? [];
  return picked.map(({ slot }) => slot);
}

test('whatever happens to endpoints, each pick is one that plain rules allow, and there is one where they allow one', () => {
  fc.assert(
    fc.property(settings, fc.array(step, { minLength: 1, maxLength: 60 }), (chosen, steps) => {
      const shared = attachShared(createSharedRegion({ workers: 1, limiterCells: 2048 }));
      const plan = planOf(chosen);
      const slots = plan.endpoints.map(({ slot }) => slot);
      const choice = new EndpointChoice(plan, shared);
      let nowMs = 1_000;
      for (const { endpoint, what, passedMs, avoids, hash } of steps) {
        nowMs += passedMs;
        const slot = slots[endpoint % slots.length]!;
        if (what === 'sicken' || what === 'heal') shared.endpointHealth.setHealthy(slot, what === 'heal');
        else if (what === 'arrive') shared.endpointHealth.arrived(slot);
        else if (what === 'fail' && shared.outliers.failed(slot, slots, OUTLIERS, nowMs, nowMs)) {
          shared.endpointHealth.noteChange();
        }
        const avoided = avoids ? slot : -1;
        const expected = allowed(plan, shared, avoided, nowMs);
        for (let i = 0; i < 5; i++) {
          const picked = choice.pick(avoided, hash, nowMs)?.slot;
          if (expected.length === 0) expect(picked).toBeUndefined();
          else expect(expected).toContain(picked);
        }
        expect(choice.hasAny(nowMs)).toBe(allowed(plan, shared, -1, nowMs).length > 0);
      }
    }),
    { numRuns: 60 },
  );
});
