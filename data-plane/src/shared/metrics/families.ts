import type { SlotKind } from '../region.ts';

/** Methods counted by name; any other is `other`. */
export const methodNames = [
  'other',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'CONNECT',
  'TRACE',
] as const;

/** Why a request was not authenticated. */
export const authFailureReasons = [
  'missing',
  'malformed',
  'unknown',
  'revoked',
  'expired',
  'disabled',
  'consumer_disabled',
  'signature',
  'claims',
  'stale',
  'unavailable',
] as const;
export type AuthFailureReason = (typeof authFailureReasons)[number];

/** The policy fields that a dry run covers. */
export const dryRunFields = ['auth', 'authorization', 'rateLimits', 'validation'] as const;
export type DryRunField = (typeof dryRunFields)[number];

export const cacheResults = ['hit', 'miss', 'stale', 'bypass', 'revalidated'] as const;
export type CacheResult = (typeof cacheResults)[number];

/** What ended a WebSocket: a side by itself, or the gateway. */
export const tunnelEndings = [
  'client',
  'upstream',
  'idle',
  'stalled',
  'max_duration',
  'drain',
  'revoked',
  'memory',
] as const;
export type TunnelEnding = (typeof tunnelEndings)[number];

/** What became of a copy of a request. */
export const mirrorResults = ['answered', 'failed', 'dropped'] as const;
export type MirrorResult = (typeof mirrorResults)[number];

/** To the upstream, or to the client. */
export const tunnelDirections = ['up', 'down'] as const;
export type TunnelDirection = (typeof tunnelDirections)[number];

/** What is served instead of a service's answer. */
export const fallbackKinds = ['service', 'response', 'staleCache'] as const;
export type FallbackKind = (typeof fallbackKinds)[number];

/** A label's value is a slot's name, or what `text` makes of the number. */
type LabelSource = { readonly slot: SlotKind } | { readonly text: (key: number) => string };

interface LabelDescription {
  readonly name: string;
  /** Which of the series' three keys it reads. */
  readonly key: 0 | 1 | 2;
  readonly from: LabelSource;
}

export interface FamilyDescription {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly LabelDescription[];
}

const route: LabelDescription = { name: 'route', key: 0, from: { slot: 'routes' } };

/** The counters that workers keep, by family number: the number stands in the arenas. */
export const counterFamilies = [
  {
    name: 'gateway_requests_total',
    help: 'Requests answered, by the status sent to the client.',
    labels: [
      route,
      { name: 'service', key: 1, from: { slot: 'services' } },
      { name: 'method', key: 2, from: { text: (key) => methodNames[key >>> 16] ?? 'other' } },
      { name: 'status', key: 2, from: { text: (key) => String(key & 0xffff) } },
    ],
  },
  {
    name: 'gateway_rate_limited_total',
    help: 'Requests refused by a limit.',
    labels: [route, { name: 'limit', key: 1, from: { slot: 'limits' } }],
  },
  {
    name: 'gateway_auth_failures_total',
    help: 'Requests that presented no valid credential where one was needed, or a wrong one.',
    labels: [route, { name: 'reason', key: 1, from: { text: (key) => authFailureReasons[key] ?? 'other' } }],
  },
  {
    name: 'gateway_retries_total',
    help: 'Tries after the first.',
    labels: [{ name: 'service', key: 0, from: { slot: 'services' } }],
  },
  {
    name: 'gateway_dry_run_refusals_total',
    help: 'Requests that a policy in dry-run mode would have refused.',
    labels: [
      route,
      { name: 'policy', key: 1, from: { slot: 'policies' } },
      { name: 'field', key: 2, from: { text: (key) => dryRunFields[key] ?? 'other' } },
    ],
  },
  {
    name: 'gateway_cache_requests_total',
    help: 'Requests to routes with a cache, by what the cache had.',
    labels: [route, { name: 'result', key: 1, from: { text: (key) => cacheResults[key] ?? 'other' } }],
  },
  {
    name: 'gateway_tunnels_total',
    help: 'WebSockets that have ended, by what ended them. Their handshakes are requests with status 101.',
    labels: [route, { name: 'ending', key: 1, from: { text: (key) => tunnelEndings[key] ?? 'other' } }],
  },
  {
    name: 'gateway_tunnel_bytes_total',
    help: 'Bytes that went through WebSockets, frames and all: up to upstreams, down to clients.',
    labels: [route, { name: 'direction', key: 1, from: { text: (key) => tunnelDirections[key] ?? 'other' } }],
  },
  {
    name: 'gateway_ejections_total',
    help: 'Endpoints that were ejected because they failed live traffic.',
    labels: [{ name: 'service', key: 0, from: { slot: 'services' } }],
  },
  {
    name: 'gateway_fallbacks_total',
    help: 'Requests for which something else was served, or tried, because their service could not.',
    labels: [
      { name: 'service', key: 0, from: { slot: 'services' } },
      { name: 'kind', key: 1, from: { text: (key) => fallbackKinds[key] ?? 'other' } },
    ],
  },
  {
    name: 'gateway_mirrored_requests_total',
    help: 'Copies of requests, by what became of them: answered, failed on the way, or dropped for want of room.',
    labels: [
      { name: 'service', key: 0, from: { slot: 'services' } },
      { name: 'result', key: 1, from: { text: (key) => mirrorResults[key] ?? 'other' } },
    ],
  },
] as const satisfies readonly FamilyDescription[];

export const REQUESTS = 0;
export const RATE_LIMITED = 1;
export const AUTH_FAILURES = 2;
export const RETRIES = 3;
export const DRY_RUN_REFUSALS = 4;
export const CACHE_REQUESTS = 5;
export const TUNNELS = 6;
export const TUNNEL_BYTES = 7;
export const EJECTIONS = 8;
export const FALLBACKS = 9;
export const MIRRORED = 10;

/** The duration histograms that workers and the main thread keep, by family number. */
export const histogramFamilies = [
  {
    name: 'gateway_request_duration_seconds',
    help: 'From the head of a request to the end of its answer.',
    labels: [route],
  },
  {
    name: 'gateway_upstream_duration_seconds',
    help: 'From the start of a try to the head of the upstream answer.',
    labels: [{ name: 'service', key: 0, from: { slot: 'services' } }],
  },
  {
    name: 'gateway_config_apply_seconds',
    help: 'From the arrival of a change to its activation in every worker.',
    labels: [],
  },
] as const satisfies readonly FamilyDescription[];

export const REQUEST_DURATION = 0;
export const UPSTREAM_DURATION = 1;
export const CONFIG_APPLY = 2;

const methodCodes = new Map<string, number>(methodNames.map((name, code) => [name, code]));

/** The number of a method in `methodNames`; 0 for one not listed. */
export function methodCode(method: string): number {
  return methodCodes.get(method) ?? 0;
}
