import type { Bound } from './figure.ts';
import { type PolicyCost, policyCosts } from './policies/costs.ts';
import type { Workload } from './workload.ts';

/** Every case of the bench, with the numbers it is to reach. */
export type Case = {
  readonly name: string;
  readonly about: string;
  /** Part of `--quick`. */
  readonly quick: boolean;
  readonly bounds: readonly Bound[];
} & (ProxyPart | LatencyPart | WorkersPart | IdlePart | OverloadPart | ControlPart | CostsPart);

type ProxyPart = {
  readonly kind: 'proxy';
  readonly connections: number;
  readonly candidates: readonly CandidateSpec[];
};
type LatencyPart = { readonly kind: 'latency'; readonly connections: number; readonly workload: Workload };
type WorkersPart = { readonly kind: 'workers'; readonly connectionsPerWorker: number; readonly workload: Workload };
type IdlePart = { readonly kind: 'idle'; readonly connections: number };
type OverloadPart = {
  readonly kind: 'overload';
  /** What one worker can do of them. */
  readonly perSecond: number;
};
type CostsPart = { readonly kind: 'costs'; readonly costs: readonly PolicyCost[] };
type ControlPart = { readonly kind: 'control'; readonly routes: number; readonly nodes: number };

export type ProxyCase = Extract<Case, { kind: 'proxy' }>;

export type Program =
  | 'sluice'
  | 'nginx'
  | 'haproxy'
  | 'haproxy-keys'
  | 'haproxy-jwt'
  | 'fastify-http-proxy'
  | 'http-proxy-3'
  | 'fast-gateway';

export type CandidateSpec = {
  readonly name: string;
  readonly program: Program;
  readonly workload: Workload;
  /** Every request carries a token never sent before. */
  readonly freshTokens?: boolean;
};

const bare: Workload = { routes: 1000, hotRoutes: 1000, consumers: 0, body: 'small' };
const keys: Workload = { ...bare, consumers: 1000, credential: 'apiKey' };
const jwt: Workload = { ...bare, consumers: 1000, credential: 'jwt' };
const bodies = (body: Workload['body']): CandidateSpec[] => [
  { name: 'sluice', program: 'sluice', workload: { ...bare, body } },
  { name: 'nginx', program: 'nginx', workload: { ...bare, body } },
];
const goodput = (of: string, against: string, atLeast: number): Bound => ({
  text: `answered within 1 s: ${of}`,
  of,
  against,
  measure: 'requestsPerSecond',
  as: 'ratio',
  atLeast,
});
const cpu = { measure: 'cpuUs', as: 'ratio' } as const;

export const cases: readonly Case[] = [
  {
    kind: 'proxy',
    name: 'bare',
    about: 'small JSON, 1,000 routes, no policies',
    quick: true,
    connections: 64,
    candidates: [
      { name: 'sluice', program: 'sluice', workload: bare },
      { name: 'nginx', program: 'nginx', workload: bare },
      { name: 'haproxy', program: 'haproxy', workload: bare },
    ],
    bounds: [{ text: 'bare proxy, small answer', of: 'sluice', against: 'nginx', ...cpu, atMost: 1.3 }],
  },
  {
    kind: 'proxy',
    name: 'jwt',
    about:
      'small JSON, 1,000 routes; JWT (HS256) of 1,000 consumers, each keeps its token; a limit for each, a breaker',
    quick: true,
    connections: 64,
    candidates: [
      { name: 'sluice', program: 'sluice', workload: jwt },
      { name: 'haproxy, jwt', program: 'haproxy-jwt', workload: jwt },
      { name: 'nginx', program: 'nginx', workload: jwt },
    ],
    bounds: [
      { text: 'all policies, tokens repeat', of: 'sluice', against: 'haproxy, jwt', ...cpu, atMost: 1.0, aim: 0.85 },
      { text: 'all policies, tokens repeat', of: 'sluice', against: 'nginx', ...cpu, atMost: 1.5 },
    ],
  },
  {
    kind: 'proxy',
    name: 'jwt-fresh',
    about: 'the same, every request with a token never seen before',
    quick: true,
    connections: 64,
    candidates: [
      { name: 'sluice', program: 'sluice', workload: jwt, freshTokens: true },
      { name: 'haproxy, jwt', program: 'haproxy-jwt', workload: jwt, freshTokens: true },
    ],
    bounds: [{ text: 'all policies, every token new', of: 'sluice', against: 'haproxy, jwt', ...cpu, atMost: 1.1 }],
  },
  {
    kind: 'proxy',
    name: 'gateways',
    about: 'gateways on Node: Sluice with JWT, limits and breaker; the others forward and do nothing else',
    quick: false,
    connections: 64,
    candidates: [
      { name: 'sluice', program: 'sluice', workload: jwt },
      { name: '@fastify/http-proxy', program: 'fastify-http-proxy', workload: jwt },
      { name: 'http-proxy-3', program: 'http-proxy-3', workload: jwt },
      { name: 'fast-gateway', program: 'fast-gateway', workload: jwt },
    ],
    bounds: ['@fastify/http-proxy', 'http-proxy-3', 'fast-gateway'].map((of) => ({
      text: `${of}, no policies`,
      of,
      against: 'sluice',
      ...cpu,
      atLeast: 2.5,
    })),
  },
  {
    kind: 'proxy',
    name: 'policies',
    about: 'small JSON, 1,000 routes; 1,000 API keys, a limit for each consumer, a breaker',
    quick: false,
    connections: 64,
    candidates: [
      { name: 'sluice', program: 'sluice', workload: keys },
      { name: 'haproxy, keys', program: 'haproxy-keys', workload: keys },
    ],
    bounds: [],
  },
  {
    kind: 'proxy',
    name: 'routes',
    about: 'small JSON, no policies; 10 routes, and 100,000: 100 of them hot, and all of them in turn',
    quick: false,
    connections: 64,
    candidates: [
      { name: 'sluice, 10 routes', program: 'sluice', workload: { ...bare, routes: 10, hotRoutes: 10 } },
      { name: 'sluice, 100 hot', program: 'sluice', workload: { ...bare, routes: 100_000, hotRoutes: 100 } },
      { name: 'sluice, uniform', program: 'sluice', workload: { ...bare, routes: 100_000, hotRoutes: 100_000 } },
    ],
    bounds: [
      {
        text: '100,000 routes, 100 of them hot',
        of: 'sluice, 100 hot',
        against: 'sluice, 10 routes',
        ...cpu,
        atMost: 1.05,
      },
      {
        text: '100,000 routes, all in turn',
        of: 'sluice, uniform',
        against: 'sluice, 10 routes',
        ...cpu,
        atMost: 1.15,
      },
    ],
  },
  {
    kind: 'proxy',
    name: 'body-1k',
    about: 'bodies of 1 KiB, 1,000 routes, no policies',
    quick: false,
    connections: 64,
    candidates: bodies('1k'),
    bounds: [],
  },
  {
    kind: 'proxy',
    name: 'body-100k',
    about: 'bodies of 100 KiB, 1,000 routes, no policies',
    quick: true,
    connections: 32,
    candidates: bodies('100k'),
    bounds: [{ text: '100 KiB answer', of: 'sluice', against: 'nginx', ...cpu, atMost: 1.5 }],
  },
  {
    kind: 'proxy',
    name: 'body-10m',
    about: 'bodies of 10 MiB over one connection, no policies',
    quick: false,
    connections: 1,
    candidates: bodies('10m'),
    bounds: [
      {
        text: '10 MiB answer, bytes/s',
        of: 'sluice',
        against: 'nginx',
        measure: 'megabytesPerSecond',
        as: 'ratio',
        atLeast: 0.7,
      },
    ],
  },
  {
    kind: 'latency',
    name: 'latency',
    about: 'added latency at a quarter of capacity, all policies, open loop over 32 connections',
    quick: true,
    connections: 32,
    workload: jwt,
    bounds: [
      {
        text: 'added latency, p50',
        of: 'sluice',
        against: 'direct',
        measure: 'p50Ms',
        as: 'difference',
        unit: 'ms',
        atMost: 0.15,
      },
      {
        text: 'added latency, p99',
        of: 'sluice',
        against: 'direct',
        measure: 'p99Ms',
        as: 'difference',
        unit: 'ms',
        atMost: 1,
      },
    ],
  },
  {
    kind: 'workers',
    name: 'workers',
    about: 'all policies; everything on one core with one worker each, then on two cores with two workers each',
    quick: false,
    connectionsPerWorker: 32,
    workload: jwt,
    bounds: [
      {
        text: 'throughput of 2 workers',
        of: 'sluice, 2 workers',
        against: 'sluice, 1 worker',
        measure: 'requestsPerSecond',
        as: 'ratio',
        atLeast: 1.8,
      },
    ],
  },
  {
    kind: 'idle',
    name: 'idle',
    about: '10,000 idle keep-alive connections, each after one request',
    quick: true,
    connections: 10_000,
    bounds: [
      {
        text: 'an idle connection, resident',
        of: 'sluice',
        measure: 'kibPerConnection',
        as: 'value',
        unit: 'KiB',
        atMost: 12,
      },
    ],
  },
  {
    kind: 'overload',
    name: 'overload',
    about: 'three times what a worker can do: requests on 64 open connections; connections with one request each',
    quick: false,
    perSecond: 1000,
    bounds: [
      goodput('3 times the requests', 'as many as it can', 0.6),
      goodput('3 times the connections', 'as many connections as it can', 0.9),
      goodput('2 s later', 'as many as it can', 0.9),
    ],
  },
  {
    kind: 'costs',
    name: 'policy-costs',
    about: 'what each policy adds to a request: CPU time beside the same route without it',
    quick: false,
    costs: policyCosts,
    bounds: [],
  },
  {
    kind: 'control',
    name: 'control-plane',
    about: '10,000 routes: one-route changes, 10 nodes of one worker, revoked keys, restart from the cache',
    quick: false,
    routes: 10_000,
    nodes: 10,
    bounds: [],
  },
];
