import type { Workload } from './workload.ts';

export type ProxyCase = {
  readonly name: string;
  readonly about: string;
  /** Each is an instance of Sluice of its own; the peers proxy the same requests as the first. */
  readonly sluices: readonly { readonly label: string; readonly workload: Workload }[];
  readonly connections: number;
  /** Part of `--quick`. */
  readonly quick: boolean;
};

const bare: Workload = { routes: 1000, hotRoutes: 1000, keys: 0, body: 'small' };

export const proxyCases: readonly ProxyCase[] = [
  {
    name: 'bare',
    about: 'small JSON, 1,000 routes, no policies',
    sluices: [{ label: 'sluice', workload: bare }],
    connections: 64,
    quick: true,
  },
  {
    name: 'policies',
    about: 'small JSON, 1,000 routes; Sluice: 1,000 API keys, a limit for each consumer, a breaker',
    sluices: [{ label: 'sluice', workload: { ...bare, keys: 1000 } }],
    connections: 64,
    quick: true,
  },
  {
    name: 'routes',
    about: 'small JSON, no policies; 10 routes, and 10,000 of which 100 are hot',
    sluices: [
      { label: 'sluice, 10 routes', workload: { ...bare, routes: 10, hotRoutes: 10 } },
      { label: 'sluice, 10,000 routes', workload: { ...bare, routes: 10_000, hotRoutes: 100 } },
    ],
    connections: 64,
    quick: true,
  },
  {
    name: 'body-1k',
    about: 'bodies of 1 KiB, 1,000 routes, no policies',
    sluices: [{ label: 'sluice', workload: { ...bare, body: '1k' } }],
    connections: 64,
    quick: false,
  },
  {
    name: 'body-100k',
    about: 'bodies of 100 KiB, 1,000 routes, no policies',
    sluices: [{ label: 'sluice', workload: { ...bare, body: '100k' } }],
    connections: 32,
    quick: false,
  },
  {
    name: 'body-10m',
    about: 'bodies of 10 MiB, 1,000 routes, no policies',
    sluices: [{ label: 'sluice', workload: { ...bare, body: '10m' } }],
    connections: 8,
    quick: false,
  },
];
