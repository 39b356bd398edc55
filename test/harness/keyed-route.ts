/** A service at `address`, a consumer `c`, and a route /r that takes the consumer's API keys. `more`: further fields of the route. */
export function keyedRoute(address: string, more = ''): string {
  return `
kind: Service
name: s
spec: { endpoints: [{ address: "${address}" }] }
---
kind: Consumer
name: c
spec: {}
---
kind: Route
name: r
spec:
  match: [{ path: { prefix: /r } }]
  service: s
  auth: { anyOf: [{ apiKey: {} }] }
${more}`;
}
