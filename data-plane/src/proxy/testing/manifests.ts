/** A service and a route to it as manifests; `ORIGIN` stands for the address of the rig's origin. */
export function manifestsOf(...resources: readonly Manifest[]): string {
  return resources.map((resource) => JSON.stringify(resource)).join('\n---\n');
}

export interface Manifest {
  readonly kind: string;
  readonly name: string;
  readonly spec: object;
}

export function service(spec: object = {}, name = 'svc'): Manifest {
  return { kind: 'Service', name, spec: { endpoints: [{ address: 'ORIGIN' }], ...spec } };
}

export function route(spec: object = {}, name = 'all'): Manifest {
  return { kind: 'Route', name, spec: { match: [{ path: { prefix: '/' } }], service: 'svc', ...spec } };
}

/** One service, one route that takes everything. */
export function simple(routeSpec: object = {}, serviceSpec: object = {}): string {
  return manifestsOf(service(serviceSpec), route(routeSpec));
}
