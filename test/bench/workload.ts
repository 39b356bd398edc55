import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ResourceSchema } from '@sluice/proto';
import { issuer, tokenSecret } from './tokens.ts';

/** What is configured for a case, and what is then asked: distinct routes and keys, in an order that repeats. */

export const host = 'bench.example.com';
/** Requests whose path begins so go to the recording origin, through the same policies as all others. */
export const equalityPath = '/equality';

export type Body = 'small' | '1k' | '100k' | '10m';

export type Workload = {
  readonly routes: number;
  /** How many of the routes the load asks for, evenly spread over all. */
  readonly hotRoutes: number;
  /** Consumers that the requests come from in turn. 0: no authentication, no limit and no breaker. */
  readonly consumers: number;
  /** How they show who they are. Default `apiKey`. */
  readonly credential?: 'apiKey' | 'jwt';
  readonly body: Body;
};

export type Upstreams = { readonly main: number; readonly equality: number };

/** The manifest of a workload: every third route by prefix, by template and exact; every second one names its host. */
export function formatManifest(workload: Workload, upstreams: Upstreams): string {
  const policies = workload.consumers > 0;
  const take = policies ? '  policies: [public]\n' : '';
  const breaker = policies ? '  circuitBreaker: {}\n' : '';
  const service = (name: string, port: number) =>
    `kind: Service\nname: ${name}\nspec:\n  endpoints: [{ address: "127.0.0.1:${port}" }]\n${breaker}`;
  const documents = [service('main', upstreams.main), service('equality', upstreams.equality)];
  if (policies) documents.push(...formatPolicies(workload.credential ?? 'apiKey'));
  for (let consumer = 0; consumer < workload.consumers; consumer += 1)
    documents.push(`kind: Consumer\nname: ${consumerName(consumer)}\nspec: { scopes: [read, write] }\n`);
  documents.push(
    `kind: Route\nname: equality\nspec:\n  match: [{ path: { prefix: ${equalityPath} } }]\n  service: equality\n${take}`,
  );
  for (let route = 0; route < workload.routes; route += 1) {
    const hosts = route % 2 === 0 ? `  hosts: [${host}]\n` : '';
    const [kind, path] = pathMatchOf(route, workload.body);
    const match = `  match: [{ path: { ${kind}: "${path}" }, methods: [GET] }]\n`;
    documents.push(`kind: Route\nname: r${route}\nspec:\n${hosts}${match}  service: main\n${take}`);
  }
  return documents.join('---\n');
}

/**
 * One line for each request, as load.lua reads them. Hot routes are spread evenly over all and asked for in an order that
 * does not follow their names; `headers` (lines "name: value") are used in turn.
 */
export function formatRequests(workload: Workload, headers: readonly string[]): string {
  const { routes, hotRoutes } = workload;
  const count = Math.max(hotRoutes, headers.length);
  const lines = Array.from({ length: count }, (_, n) => {
    // A prime that divides no number of routes here visits each once before any comes again.
    const route = Math.floor((((n * 7919) % hotRoutes) * routes) / hotRoutes);
    const header = headers.length === 0 ? '-' : headers[(n * 7) % headers.length];
    return `GET ${formatPath(route, workload.body)} ${header}\n`;
  });
  return lines.join('');
}

/** One route of the manifest as a message, with a timeout of its own: a change of that route alone. */
export function makeRouteChange(
  route: number,
  body: Body,
  timeoutSeconds: number,
): MessageInitShape<typeof ResourceSchema> {
  const [kind, value] = pathMatchOf(route, body);
  return {
    name: `r${route}`,
    spec: {
      case: 'route',
      value: {
        hosts: route % 2 === 0 ? [host] : [],
        match: [{ path: { kind: { case: kind, value } }, methods: ['GET'] }],
        service: 'main',
        timeout: { seconds: BigInt(timeoutSeconds) },
      },
    },
  };
}

/** The path of a request that the route takes. */
export function formatPath(route: number, body: Body): string {
  const top = ['api', 'shop', 'exact'][route % 3];
  return `/${top}/r${route}/${body}`;
}

/** All consumers of a workload. */
export function consumerNames({ consumers }: Workload): string[] {
  return Array.from({ length: consumers }, (_, consumer) => consumerName(consumer));
}

export function consumerName(key: number): string {
  return `consumer-${key}`;
}

function formatPolicies(credential: 'apiKey' | 'jwt'): string[] {
  const method =
    credential === 'jwt' ? 'jwt: { issuers: [bench], header: authorization }' : 'apiKey: { header: x-api-key }';
  const policy = `kind: Policy
name: public
spec:
  auth: { anyOf: [{ ${method} }] }
  rateLimits:
    - { name: per-consumer, by: [consumer], tokenBucket: { requests: 1000000, per: 1s } }
`;
  if (credential === 'apiKey') return [policy];
  const issuing = `kind: Issuer
name: bench
spec:
  issuer: ${issuer}
  algorithms: [HS256]
  secret: { inline: ${tokenSecret} }
  consumer: { claim: sub, unknown: deny }
`;
  return [issuing, policy];
}

function pathMatchOf(route: number, body: Body): ['prefix' | 'template' | 'exact', string] {
  if (route % 3 === 0) return ['prefix', `/api/r${route}`];
  if (route % 3 === 1) return ['template', `/shop/r${route}/{size}`];
  return ['exact', `/exact/r${route}/${body}`];
}
