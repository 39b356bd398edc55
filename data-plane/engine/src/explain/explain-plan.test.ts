import { expect, test } from 'vitest';
import type { RoutePlan } from '../tables/plan.ts';
import { STEPS } from './explain-plan.ts';

/** A part of a plan that is new does not compile before it stands here. Empty: it decides nothing about a request. */
const explainedBy: Readonly<Record<keyof RoutePlan, string>> = {
  name: '',
  slot: '',
  unavailable: 'availability',
  accessLog: 'access log',
  tracing: 'tracing',
  redirect: 'redirect',
  cors: 'cors',
  admitsAddress: 'client address',
  addressLimits: 'limits by address',
  auth: 'authentication',
  authorization: 'authorization',
  dryRun: 'dry run',
  destinations: 'service',
  stickyBy: 'service',
  callerLimits: 'limits',
  faults: 'rehearsed failure',
  validation: 'validation',
  requestBody: 'body edits',
  responseBody: 'body edits',
  response: 'response',
  bodyBytes: 'request body',
  rewrite: 'headers',
  requestHeaders: 'headers',
  responseHeaders: 'headers',
  webSocket: 'upgrade',
  cache: 'cache',
  mirror: 'mirror',
};

test('every part of a plan that decides about a request has a step', () => {
  const steps = STEPS.map(([name]) => name);
  for (const step of Object.values(explainedBy)) if (step !== '') expect(steps).toContain(step);
  expect(new Set(steps).size).toBe(steps.length);
});
