import type { EndpointPlan, ServicePlan } from '@sluice/engine';
import { describe, expect, test } from 'vitest';
import { attachShared, createSharedRegion, type Shared } from '../../shared/index.ts';
import { EndpointChoice } from './endpoint-choice.ts';

const OUTLIERS = { consecutiveFailures: 1, baseEjectionMs: 10_000, maxEjectedPercent: 100 };

function endpointsOf(...zones: readonly string[]): EndpointPlan[] {
  return zones.map((zone, index) => ({
    ...{
      address: `10.0.0.${index}:80`,
      host: `10.0.0.${index}`,
      port: 80,
      weight: 1,
      zone,
      priority: 0,
      slot: index + 2,
    },
  }));
}

function choose(
  endpoints: readonly EndpointPlan[],
  plan: Partial<ServicePlan> = {},
): {
  shared: Shared;
  shares: (nowMs: number, picks?: number) => number[];
  pick: (avoided: number, nowMs: number) => number;
} {
  const shared = attachShared(createSharedRegion({ workers: 1, limiterCells: 2048 }));
  const choice = new EndpointChoice(
    {
      ...{
        name: 's',
        slot: 2,
        enabled: true,
        endpoints,
        isDiscovered: false,
        balancer: { kind: 'roundRobin' },
        panicPercent: 0,
        healthCheck: undefined,
      },
      ...{ outliers: OUTLIERS, slowStartMs: 0, preferredZone: undefined, breaker: undefined },
      ...{ connectTimeoutMs: 1_000, idleTimeoutMs: 1_000, connectionsPerEndpoint: 1, pendingRequests: 1 },
      ...{ maxConcurrentRequests: 0, ...plan },
    },
    shared,
  );
  const pick = (avoided: number, nowMs: number): number => (choice.pick(avoided, 0, nowMs)?.slot ?? 0) - 2;
  const shares = (nowMs: number, picks = 60): number[] => {
    const counts = endpoints.map(() => 0);
    for (let i = 0; i < picks; i++) {
      const index = pick(-1, nowMs);
      if (index >= 0) counts[index]!++;
    }
    return counts;
  };
  return { shared, shares, pick };
}

/** By a failure at this time. */
function eject({ outliers, endpointHealth }: Shared, endpoint: number, nowMs: number, all = [2, 3, 4]): void {
  if (outliers.failed(endpoint + 2, all, OUTLIERS, nowMs, nowMs)) endpointHealth.noteChange();
}

describe('an endpoint that is ejected', () => {
  test('gets no request until its time is over, and then its share again', () => {
    const { shared, shares } = choose(endpointsOf('', '', ''));
    eject(shared, 1, 1_000);
    expect(shares(1_000)).toEqual([30, 0, 30]);
    expect(shares(10_999)).toEqual([30, 0, 30]);
    expect(shares(11_000)).toEqual([20, 20, 20]);
  });

  test('gets requests in a panic, when fewer than panicPercent are left', () => {
    const { shared, shares } = choose(endpointsOf('', '', ''), { panicPercent: 50 });
    eject(shared, 0, 1_000);
    expect(shares(1_000)[0]).toBe(0);
    shared.endpointHealth.setHealthy(3, false);
    expect(shares(1_000)).toEqual([20, 20, 20]);
    expect(shares(11_000)).toEqual([30, 0, 30]);
  });

  test('is nobody: with all ejected and no panic there is none', () => {
    const { shared, pick } = choose(endpointsOf('', '', ''));
    for (const endpoint of [0, 1, 2]) eject(shared, endpoint, 1_000);
    expect(pick(-1, 1_000)).toBe(-2);
    expect(pick(-1, 11_000)).toBeGreaterThanOrEqual(0);
  });

  test('does not count as ejected for a service that ejects none', () => {
    const { shared, shares } = choose(endpointsOf('', '', ''), { outliers: undefined });
    eject(shared, 1, 1_000);
    expect(shares(1_000)).toEqual([20, 20, 20]);
  });
});

describe('another try', () => {
  test('goes to another endpoint where there is one', () => {
    const { shared, pick } = choose(endpointsOf('', ''));
    for (let i = 0; i < 10; i++) expect(pick(2, 0)).toBe(1);
    shared.endpointHealth.setHealthy(3, false);
    expect(pick(2, 0)).toBe(0);
  });
});

describe('a slow start', () => {
  test('gives an endpoint that came a tenth of its share, then more and more', () => {
    const { shared, shares } = choose(endpointsOf('', ''), { slowStartMs: 100_000 });
    expect(shares(0, 110)).toEqual([55, 55]);
    shared.endpointHealth.arrived(3);
    const sinceMs = shared.endpointHealth.sinceMs(3);
    const share = (afterMs: number): number => shares(sinceMs + afterMs, 1_100)[1]! / 1_100;
    expect(share(1_000)).toBeCloseTo(1 / 11, 1);
    expect(share(50_000)).toBeCloseTo(1 / 3, 1);
    expect(share(100_000)).toBeCloseTo(1 / 2, 2);
  });

  test('begins anew for an endpoint that comes back from an ejection', () => {
    const { shared, shares } = choose(endpointsOf('', '', ''), { slowStartMs: 10_000 });
    eject(shared, 0, 1_000);
    expect(shares(11_000, 210)).toEqual([10, 100, 100]);
    expect(shares(21_000, 210)).toEqual([70, 70, 70]);
  });
});

describe('zones', () => {
  const zones = { preferredZone: 'here', panicPercent: 50 };

  test('the node’s own takes all, as long as enough of it is left', () => {
    const { shared, shares } = choose(endpointsOf('here', 'there', 'here', 'there', 'there'), zones);
    expect(shares(0)).toEqual([30, 0, 30, 0, 0]);
    shared.endpointHealth.setHealthy(2, false);
    expect(shares(0)).toEqual([0, 0, 60, 0, 0]);
    shared.endpointHealth.setHealthy(4, false);
    expect(shares(0)).toEqual([0, 20, 0, 20, 20]);
  });

  test('another try goes to another zone where no other endpoint of its own is left', () => {
    const { pick } = choose(endpointsOf('here', 'there'), zones);
    expect([pick(-1, 0), pick(2, 0)]).toEqual([0, 1]);
  });

  test('without an endpoint in the node’s own zone all are used alike', () => {
    const { shares } = choose(endpointsOf('there', 'elsewhere'), zones);
    expect(shares(0)).toEqual([30, 30]);
  });
});
