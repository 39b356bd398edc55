import type { HttpResponse } from './http-message.ts';

/** A configuration that shows one number in what a client sees of each of its resources. */
export function numberedConfig(n: number, origins: readonly [even: string, odd: string]): string {
  return `
kind: Service
name: s
spec: { endpoints: [{ address: "${origins[n % 2 === 0 ? 0 : 1]}" }] }
---
kind: Policy
name: p
spec: { responseHeaders: { set: { x-policy: "${n}" } } }
---
kind: Route
name: r
spec:
  match: [{ path: { prefix: /r } }]
  service: s
  policies: [p]
  responseHeaders: { set: { x-route: "${n}" } }
`;
}

/** The number that an answer shows, from origins that answer with their index as `x-origin`; or what is not whole about it. */
export function readNumber({ status, header }: HttpResponse): number | string {
  if (status !== 200) return `status ${status}`;
  const [route, policy, origin] = ['x-route', 'x-policy', 'x-origin'].map((name) => Number(header(name)));
  if (route !== policy) return `a mixture: route ${route}, policy ${policy}`;
  return origin === route! % 2 ? route! : `a mixture: route ${route} at origin ${origin}`;
}
