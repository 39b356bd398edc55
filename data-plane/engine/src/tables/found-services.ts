import type { BuiltFoundEndpoints } from './build-found-endpoints.ts';
import type { BuiltInstance } from './build-instance.ts';
import { type BuiltService, withEndpoints } from './build-service.ts';
import type { EndpointPlan } from './service-plan.ts';

/** Services, each with the endpoints that were found for it where it has none of its own. */
export class FoundServices {
  readonly #built = new Map<string, BuiltService>();
  readonly #found = new Map<string, BuiltFoundEndpoints>();
  /** By service and name; of services that are not there too. */
  readonly #instances = new Map<string, Map<string, BuiltInstance>>();
  readonly #serviceOfInstance = new Map<string, string>();
  /** Those that were asked for since what they are made of changed. */
  readonly #joined = new Map<string, BuiltService>();

  /** As it was built, whatever was found. */
  built(name: string): BuiltService | undefined {
    return this.#built.get(name);
  }

  /** With what was found for it. */
  get(name: string): BuiltService | undefined {
    const built = this.#built.get(name);
    if (built?.discovery === undefined) return built;
    let joined = this.#joined.get(name);
    if (joined === undefined) {
      joined = withEndpoints(built, this.endpointsOf(name));
      this.#joined.set(name, joined);
    }
    return joined;
  }

  names(): Iterable<string> {
    return this.#built.keys();
  }

  /** The endpoints of a service, its own or those that were found. */
  endpointsOf(name: string): readonly EndpointPlan[] {
    const built = this.#built.get(name);
    if (built === undefined) return [];
    switch (built.discovery?.kind) {
      case undefined:
        return built.plan.endpoints;
      case 'dns':
        return this.#found.get(name)?.endpoints ?? [];
      case 'registry':
        return this.#registered(name);
      default:
        return built.discovery satisfies never;
    }
  }

  put(service: BuiltService): void {
    this.#built.set(service.name, service);
    this.#joined.delete(service.name);
    if (service.discovery?.kind !== 'dns') this.#found.delete(service.name);
  }

  remove(name: string): void {
    this.#built.delete(name);
    this.#joined.delete(name);
    this.#found.delete(name);
  }

  /** What was found for a service, in place of what was found before. For one that does not ask for it it says nothing. */
  putFound(found: BuiltFoundEndpoints): void {
    if (this.#built.get(found.name)?.discovery?.kind !== 'dns') return;
    this.#found.set(found.name, found);
    this.#joined.delete(found.name);
  }

  putInstance(instance: BuiltInstance): void {
    const { name, service } = instance;
    const instances = this.#instances.get(service) ?? new Map<string, BuiltInstance>();
    this.#instances.set(service, instances.set(name, instance));
    this.#serviceOfInstance.set(name, service);
    this.#joined.delete(service);
  }

  /** The service that it was of. */
  removeInstance(name: string): string | undefined {
    const service = this.#serviceOfInstance.get(name);
    if (service === undefined) return undefined;
    this.#serviceOfInstance.delete(name);
    const instances = this.#instances.get(service);
    instances?.delete(name);
    if (instances?.size === 0) this.#instances.delete(service);
    this.#joined.delete(service);
    return service;
  }

  /** In the order of their addresses, whatever the order in which they came. */
  #registered(service: string): readonly EndpointPlan[] {
    const instances = [...(this.#instances.get(service)?.values() ?? [])];
    const endpoints = instances.map(({ endpoint }) => endpoint).filter(({ weight }) => weight > 0);
    return endpoints.sort((a, b) => (a.address < b.address ? -1 : 1));
  }
}
