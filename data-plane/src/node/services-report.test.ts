import { expect, test } from 'vitest';
import type { EndpointView } from './endpoint-view.ts';
import { selectReported } from './services-report.ts';

const endpoint = (state: EndpointView['state']): EndpointView => ({
  ...{ address: '', weight: 1, priority: 0, zone: '', state, inFlight: 0 },
  ...{ probeFailure: undefined, sinceMs: undefined, ejectedUntilMs: undefined },
});
const service = (name: string, ...states: EndpointView['state'][]) => ({
  service: { name },
  endpoints: states.map(endpoint),
});
const services = [
  service('well', 'unhealthy', 'healthy'),
  service('down', 'unhealthy', 'ejected'),
  service('none'),
  service('unchecked', 'unchecked', 'draining'),
];

test.each([
  [10, 0, ['down 2', 'none 0', 'well 2', 'unchecked 2']],
  [9, 1, ['down 2', 'none 0', 'well 2', 'unchecked 1']],
  [8, 2, ['down 2', 'none 0', 'well 2', 'unchecked 0']],
  [7, 3, ['down 2', 'none 0', 'well 2']],
  [1, 9, ['down 0']],
])(
  'of ten services and endpoints a report of %i leaves out %i, and tells of those that are down first',
  (most, leftOut, names) => {
    const report = selectReported(services, most);
    expect(report.leftOut).toBe(leftOut);
    expect(report.selected.map(({ service: { name }, endpoints }) => `${name} ${endpoints.length}`)).toEqual(names);
  },
);
