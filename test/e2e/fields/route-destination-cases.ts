import type { FieldCase, Spec } from './field-case.ts';
import { anyPath, next, route } from './route-case.ts';

/** Whether the other origin gets a copy of a request. */
const mirrorCase = (proves: readonly string[], from: Spec, to: Spec, was: unknown, is: unknown): FieldCase => ({
  proves,
  key: 'Route/r',
  from: route(from),
  to: route(to),
  others: { ...next, 'Service/nowhere': { spec: { endpoints: [{ address: '127.0.0.1:1' }] } } },
  observe: async ({ ask, other }) => {
    const before = other.requests.length;
    await ask();
    const copied = () => other.requests.length > before;
    // A copy comes within moments or never.
    for (let looks = 0; looks < 50 && !copied(); looks++) await new Promise((resolve) => setTimeout(resolve, 10));
    return copied();
  },
  was,
  is,
});

const mirrorCases: readonly FieldCase[] = [
  mirrorCase(['Route.mirror'], {}, { mirror: { service: 'next' } }, false, true),
  mirrorCase(['Mirror.service'], { mirror: { service: 'nowhere' } }, { mirror: { service: 'next' } }, false, true),
  mirrorCase(
    ['Mirror.percent'],
    { mirror: { service: 'next', percent: 0 } },
    { mirror: { service: 'next', percent: 100 } },
    false,
    true,
  ),
];

export const routeDestinationCases: readonly FieldCase[] = [
  {
    proves: ['Route.service'],
    key: 'Route/r',
    from: route({ service: 's' }),
    to: route({ service: 'o' }),
    others: { 'Service/o': { spec: { endpoints: [{ address: 'OTHER' }] } } },
    observe: async ({ ask }) => (await ask()).header('x-origin'),
    was: 'main',
    is: 'other',
  },
  {
    proves: ['Route.destinations', 'Destination.service'],
    key: 'Route/r',
    from: { spec: { match: anyPath, destinations: [{ service: 's' }] } },
    to: { spec: { match: anyPath, destinations: [{ service: 'next' }] } },
    others: next,
    observe: async ({ ask }) => (await ask()).header('x-origin'),
    was: 'main',
    is: 'other',
  },
  {
    proves: ['Destination.weight'],
    key: 'Route/r',
    from: { spec: { match: anyPath, destinations: [{ service: 's' }, { service: 'next' }] } },
    to: { spec: { match: anyPath, destinations: [{ service: 's' }, { service: 'next', weight: 0 }] } },
    others: next,
    observe: async ({ ask }) => {
      // Each alone goes to either with an even chance: 40 that all go to one happen once in 10^12 runs.
      const origins = new Set<string | undefined>();
      for (let index = 0; index < 40; index++) origins.add((await ask()).header('x-origin'));
      return origins.size;
    },
    was: 2,
    is: 1,
  },
  {
    proves: ['Route.sticky_by'],
    key: 'Route/r',
    from: { spec: { match: anyPath, destinations: [{ service: 's' }, { service: 'next' }] } },
    to: {
      spec: { match: anyPath, destinations: [{ service: 's' }, { service: 'next' }], stickyBy: ['header:x-user'] },
    },
    others: next,
    observe: async ({ ask }) => {
      const origins = new Set<string | undefined>();
      for (let index = 0; index < 40; index++)
        origins.add((await ask({ headers: { 'x-user': 'u' } })).header('x-origin'));
      return origins.size;
    },
    was: 2,
    is: 1,
  },
  ...mirrorCases,
];
