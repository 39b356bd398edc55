import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ResourceSchema } from '@sluice/proto';

/** What is configured for a case, and what is then asked: distinct routes and keys, in an order that repeats. */

export const host = 'bench.example.com';
/** Requests whose path begins so go to the recording origin, through the same policies as all others. */
export const equalityPath = '/equality';

export type Body = 'small' | '1k' | '100k' | '10m';

export type Workload = {
  readonly routes: number;
  /** How many of the routes the load asks for, evenly spread over all. */
  readonly hotRoutes: number;
  /** API keys, one consumer each. 0: no authentication, no limit and no breaker. */
  readonly keys: number;
  readonly body: Body;
};

export type Upstreams = { readonly main: number; readonly equality: number };

/** The manifest of a workload: every third route by prefix, by template and exact; every second one names its host. */
export function formatManifest(workload: Workload, upstreams: Upstreams): string {
  const policies = workload.keys > 0;
  const take = policies ? '  policies: [public]\n' : '';
  const breaker = policies ? '  circuitBreaker: {}\n' : '';
  const service = (name: string, port: number) =>
    `kind: Service\nname: ${name}\nspec:\n  endpoints: [{ address: "127.0.0.1:${port}" }]\n${breaker}`;
  const documents = [service('main', upstreams.main), service('equality', upstreams.equality)];
  if (policies) documents.push(policy);
  for (let key = 0; key < workload.keys; key += 1)
    documents.push(`kind: Consumer\nname: ${consumerName(key)}\nspec: {}\n`);
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

/** One line for each request, as load.lua reads them; secrets are used in turn. */
export function formatRequests(workload: Workload, secrets: readonly string[]): string {
  const step = Math.floor(workload.routes / workload.hotRoutes);
  const count = Math.max(workload.hotRoutes, secrets.length);
  const lines = Array.from({ length: count }, (_, n) => {
    const route = (n % workload.hotRoutes) * step;
    const key = secrets.length === 0 ? '-' : secrets[(n * 7) % secrets.length];
    return `GET ${formatPath(route, workload.body)} ${key}\n`;
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

export function consumerName(key: number): string {
  return `consumer-${key}`;
}

const policy = `kind: Policy
name: public
spec:
  auth: { anyOf: [{ apiKey: { header: x-api-key } }] }
  rateLimits:
    - { name: per-consumer, by: [consumer], tokenBucket: { requests: 1000000, per: 1s } }
`;

function pathMatchOf(route: number, body: Body): ['prefix' | 'template' | 'exact', string] {
  if (route % 3 === 0) return ['prefix', `/api/r${route}`];
  if (route % 3 === 1) return ['template', `/shop/r${route}/{size}`];
  return ['exact', `/exact/r${route}/${body}`];
}
