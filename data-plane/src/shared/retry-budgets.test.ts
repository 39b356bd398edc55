import { expect, test } from 'vitest';
import { createSharedRegion } from './region.ts';
import { RetryBudgets } from './retry-budgets.ts';

const SLOT = 4;

function budgetsOf(workers: number): RetryBudgets[] {
  const region = createSharedRegion({ workers });
  return Array.from({ length: workers }, (_, worker) => new RetryBudgets(region, worker));
}

function spend(budgets: readonly RetryBudgets[], tries: number, nowMs: number, percent = 20): number {
  let granted = 0;
  for (let i = 0; i < tries; i++) if (budgets[i % budgets.length]!.tryRetry(SLOT, percent, nowMs)) granted++;
  return granted;
}

test('a quiet service may make three retries a second', () => {
  const budgets = budgetsOf(2);
  expect(spend(budgets, 100, 50_000)).toBe(30);
  expect(spend(budgets, 100, 59_000)).toBe(0);
  expect(spend(budgets, 100, 60_000)).toBe(30);
});

test('a busy service may spend its share of the last ten seconds, over all workers', () => {
  const budgets = budgetsOf(3);
  for (let second = 0; second < 10; second++) {
    for (let i = 0; i < 300; i++) budgets[i % 3]!.countRequest(SLOT, 50_000 + second * 1000);
  }
  expect(spend(budgets, 1000, 59_999)).toBe(600);
  expect(spend(budgets, 1000, 60_000, 50), 'nine seconds of requests left').toBe(1350 - 600);
  expect(budgets[0]!.tryRetry(SLOT + 1, 20, 60_000), 'other services have their own').toBe(true);
});

test('a refused retry costs nothing', () => {
  const budgets = budgetsOf(2);
  expect(spend(budgets, 1000, 50_000)).toBe(30);
  for (let i = 0; i < 155; i++) budgets[0]!.countRequest(SLOT, 50_500);
  expect(spend(budgets, 10, 50_500)).toBe(1);
});
