import { spawnSync } from 'node:child_process';
import {
  attachShared,
  createExposition,
  createSharedRegion,
  createSlotDirectory,
  type MetricFamily,
  MetricsRecorder,
  methodCode,
  RouteRequests,
} from '@sluice/data-plane/shared';
import { expect, test } from 'vitest';
import { isMissing } from '../harness/is-missing.ts';

const families: readonly MetricFamily[] = [
  {
    name: 'gateway_upstream_healthy',
    help: 'Whether an endpoint is healthy.',
    type: 'gauge',
    samples: [{ labels: { service: 'odd "name" with \\ and \n line', endpoint: '10.0.0.1:80' }, value: 1 }],
  },
  {
    name: 'gateway_config_revision',
    help: 'The active revision.',
    type: 'gauge',
    samples: [{ labels: {}, value: 7 }],
  },
];
const lacksPromtool = isMissing('promtool', spawnSync('promtool', ['--version']).status !== 0);

test.skipIf(lacksPromtool)('promtool accepts what a node exposes', () => {
  const region = createSharedRegion({ workers: 2 });
  const shared = attachShared(region);
  const directory = createSlotDirectory(region);
  const route = directory.routes.assign('users-v1');
  const service = directory.services.assign('users');
  const limit = directory.limits.assign('Policy/public/per-consumer');
  for (const worker of [0, 1]) {
    const recorder = new MetricsRecorder(region, worker);
    new RouteRequests(recorder, route).count(service, methodCode('POST'), 201);
    recorder.observe(recorder.requestDuration(route), 0.003);
    recorder.observe(recorder.upstreamDuration(service), 0.002);
    recorder.add(recorder.rateLimited(route, limit));
  }
  shared.metrics.observe(shared.metrics.configApply(), 0.05);
  const input = [
    ...createExposition({ shared, directory, breakers: () => [service], families: () => families })(),
  ].join('');
  const checked = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  expect(`${checked.stdout}${checked.stderr}`).toBe('');
  expect(checked.status).toBe(0);
});
