import { expect, test } from 'vitest';
import { attachShared } from '../attach.ts';
import { ACTIVE_CONNECTIONS } from '../columns.ts';
import { createSharedRegion, NO_SLOT, OVERFLOW_SLOT } from '../region.ts';
import { createSlotDirectory } from '../slots.ts';
import { DURATION_BOUNDS, SERIES } from './arena-layout.ts';
import { createExposition } from './exposition.ts';
import { methodCode } from './families.ts';
import { MetricsRecorder, RouteRequests } from './recorder.ts';

function node(workers = 2) {
  const region = createSharedRegion({ workers });
  const shared = attachShared(region);
  const directory = createSlotDirectory(region);
  const slots = {
    route: directory.routes.assign('users-v1'),
    service: directory.services.assign('users'),
    limit: directory.limits.assign('Policy/public/per-consumer'),
    policy: directory.policies.assign('public'),
  };
  const expose = createExposition({ shared, directory, breakers: () => [slots.service], families: () => [] });
  const recorders = Array.from({ length: workers }, (_, worker) => new MetricsRecorder(region, worker));
  return { region, shared, directory, slots, recorders, text: () => [...expose()].join(''), expose };
}

const lines = (text: string, start: string) => text.split('\n').filter((line) => line.startsWith(start));

test('what workers count is added up, by every label', () => {
  const { recorders, slots, text, shared } = node();
  const routes = recorders.map((recorder) => new RouteRequests(recorder, slots.route));
  for (const route of routes) {
    for (let i = 0; i < 3; i++) route.count(slots.service, methodCode('GET'), 200);
    route.count(slots.service, methodCode('BREW'), 418);
  }
  routes[1]!.count(slots.service, methodCode('GET'), 503);
  routes[1]!.count(NO_SLOT, methodCode('GET'), 200);
  recorders[0]!.add(recorders[0]!.rateLimited(slots.route, slots.limit));
  recorders[1]!.add(recorders[1]!.authFailures(slots.route, 'expired'));
  recorders[1]!.add(recorders[1]!.retries(slots.service));
  recorders[1]!.add(recorders[1]!.dryRunRefusals(slots.route, slots.policy, 'rateLimits'));
  recorders[1]!.add(recorders[1]!.cacheRequests(slots.route, 'stale'));
  attachShared(shared.region, 0).columns.process.add(ACTIVE_CONNECTIONS, 1);
  const exposed = text();
  expect(lines(exposed, 'gateway_requests_total')).toEqual([
    'gateway_requests_total{route="users-v1",service="users",method="GET",status="200"} 6',
    'gateway_requests_total{route="users-v1",service="users",method="other",status="418"} 2',
    'gateway_requests_total{route="users-v1",service="users",method="GET",status="503"} 1',
    'gateway_requests_total{route="users-v1",service="",method="GET",status="200"} 1',
  ]);
  for (const line of [
    'gateway_rate_limited_total{route="users-v1",limit="Policy/public/per-consumer"} 1',
    'gateway_auth_failures_total{route="users-v1",reason="expired"} 1',
    'gateway_retries_total{service="users"} 1',
    'gateway_dry_run_refusals_total{route="users-v1",policy="public",field="rateLimits"} 1',
    'gateway_cache_requests_total{route="users-v1",result="stale"} 1',
    'gateway_active_connections 1',
    'gateway_active_requests 0',
    'gateway_circuit_state{service="users"} 0',
    'gateway_circuit_transitions_total{service="users",to="open"} 0',
    'gateway_overflow_total{what="limiter_cells"} 0',
  ]) {
    expect(exposed).toContain(`${line}\n`);
  }
});

test('a duration falls into the first bucket that holds it, and buckets are cumulative', () => {
  const { recorders, slots, text } = node();
  const observed = [0, 0.0005, 0.00051, 0.2, 10, 11];
  observed.forEach((seconds, i) => {
    const recorder = recorders[i % 2]!;
    recorder.observe(recorder.requestDuration(slots.route), seconds);
  });
  const name = 'gateway_request_duration_seconds';
  const expected = [...DURATION_BOUNDS, Number.POSITIVE_INFINITY].map((bound) => {
    const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : bound;
    return `${name}_bucket{route="users-v1",le="${le}"} ${observed.filter((seconds) => seconds <= bound).length}`;
  });
  const exposed = text();
  expect(lines(exposed, `${name}_bucket`)).toEqual(expected);
  expect(exposed).toContain(`${name}_sum{route="users-v1"} 21.20101\n${name}_count{route="users-v1"} 6\n`);
});

test('a successor goes on with the counts of the dead worker', () => {
  const { region, recorders, slots, text } = node();
  const count = (recorder: MetricsRecorder) => {
    recorder.add(recorder.retries(slots.service));
    recorder.observe(recorder.upstreamDuration(slots.service), 0.1);
  };
  count(recorders[0]!);
  count(new MetricsRecorder(region, 0));
  const exposed = text();
  expect(lines(exposed, 'gateway_retries_total')).toEqual(['gateway_retries_total{service="users"} 2']);
  expect(exposed).toContain('gateway_upstream_duration_seconds_count{service="users"} 2\n');
});

test("a removed route's series end; it gets them back when it returns, and no other route does", () => {
  const { recorders, slots, directory, text } = node();
  new RouteRequests(recorders[0]!, slots.route).count(slots.service, methodCode('GET'), 200);
  expect(lines(text(), 'gateway_requests_total')).toHaveLength(1);
  directory.routes.release('users-v1');
  const other = directory.routes.assign('orders');
  new RouteRequests(recorders[0]!, other).count(slots.service, methodCode('GET'), 200);
  expect(lines(text(), 'gateway_requests_total')).toEqual([
    'gateway_requests_total{route="orders",service="users",method="GET",status="200"} 1',
  ]);
  directory.routes.assign('users-v1');
  expect(lines(text(), 'gateway_requests_total')).toHaveLength(2);
});

test('past the bound of series requests are still counted, as overflow', () => {
  const { recorders, slots, text } = node();
  const [recorder] = recorders as [MetricsRecorder];
  for (let limit = 0; limit < SERIES + 10; limit++) recorder.add(recorder.rateLimited(slots.route, limit));
  expect(text()).toContain('gateway_overflow_total{what="series"} 11\n');
});

test('what found no slot is shown under one name', () => {
  const { recorders, slots, text } = node();
  new RouteRequests(recorders[0]!, OVERFLOW_SLOT).count(slots.service, methodCode('GET'), 200);
  expect(text()).toContain('gateway_requests_total{route="_overflow",service="users",method="GET",status="200"} 1\n');
});

test('a large exposition comes in pieces', () => {
  const { recorders, slots, expose } = node();
  const route = new RouteRequests(recorders[0]!, slots.route);
  for (let status = 100; status < 1000; status++) {
    for (const method of ['GET', 'PUT', 'HEAD']) route.count(slots.service, methodCode(method), status);
  }
  const pieces = [...expose()];
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(40_000);
  expect(lines(pieces.join(''), 'gateway_requests_total')).toHaveLength(2700);
});
