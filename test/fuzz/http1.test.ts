import { expect, test } from 'vitest';
import { fuzzRequests, fuzzResponses } from './http1.ts';

const seed = Number(process.env.SLUICE_FUZZ_SEED ?? 20_260_101);

test('requests: what llhttp refuses is refused, what both accept reads the same, at any split', async () => {
  const report = await fuzzRequests(seed, (cases) => cases < 12_000);
  expect(report.failure).toBeNull();
  expect(report.accepted).toBeGreaterThan(2000);
  expect(report.refused).toBeGreaterThan(2000);
});

test('responses: what llhttp refuses is refused, what both accept reads the same, at any split', async () => {
  const report = await fuzzResponses(seed, (cases) => cases < 8000);
  expect(report.failure).toBeNull();
  expect(report.accepted).toBeGreaterThan(1000);
  expect(report.refused).toBeGreaterThan(1000);
});
