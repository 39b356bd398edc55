import type { BreakerPolicy } from '@sluice/engine';
import { expect, test } from 'vitest';
import { Breakers, createSharedRegion, FAILURE, SUCCESS } from '../shared/index.ts';
import { BreakerWatch } from './breaker-watch.ts';

const SLOT = 5;
const policy: BreakerPolicy = { consecutiveFailures: 1, openForMs: 1000, halfOpenRequests: 1 };

test('each change of a breaker is told once, with since when, and one that came and went is told as well', () => {
  const region = createSharedRegion({ workers: 1 });
  const worker = new Breakers(region, 0);
  const lines: string[] = [];
  const note = (message: string, fields?: object): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  let nowMs = 1;
  let told = 0;
  const clock = { nowMs: () => nowMs, nowUs: () => nowMs * 1000 };
  const watch = new BreakerWatch(
    { breakers: new Breakers(region, 1), clock },
    { debug: note, info: note, warn: note, error: note },
    () => told++,
  );
  const attempt = (outcome: typeof FAILURE | typeof SUCCESS): void =>
    worker.report(SLOT, worker.admit(SLOT, policy, nowMs), outcome, policy, nowMs);
  const seen = (): readonly string[] => {
    watch.look();
    return lines.splice(0);
  };
  try {
    watch.put({ name: 's', slot: SLOT, breaker: policy });
    expect([seen(), watch.sinceMs('s'), told]).toEqual([[], undefined, 0]);
    attempt(FAILURE);
    expect(seen()).toEqual(['circuit breaker opened {"service":"s"}']);
    expect([seen(), told]).toEqual([[], 1]);
    expect(Date.now() - watch.sinceMs('s')!).toBeLessThan(60_000);
    nowMs += 1001;
    const probe = worker.admit(SLOT, policy, nowMs);
    expect(seen()).toEqual(['circuit breaker is half-open {"service":"s"}']);
    worker.report(SLOT, probe, SUCCESS, policy, nowMs);
    expect(seen()).toEqual(['circuit breaker closed {"service":"s"}']);
    attempt(FAILURE);
    nowMs += 1001;
    attempt(SUCCESS);
    expect(seen()).toEqual(['circuit breaker opened {"service":"s"}', 'circuit breaker closed {"service":"s"}']);
    attempt(FAILURE);
    watch.put({ name: 's', slot: SLOT, breaker: undefined });
    watch.put({ name: 's', slot: SLOT, breaker: policy });
    expect(seen()).toEqual([]);
  } finally {
    watch.close();
  }
});
