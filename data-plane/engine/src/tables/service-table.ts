import type { BuiltFoundEndpoints } from './build-found-endpoints.ts';
import type { BuiltInstance } from './build-instance.ts';
import type { BuiltService } from './build-service.ts';
import { FoundServices } from './found-services.ts';
import type { ServicePlan } from './service-plan.ts';

/** Services with what was found for them, and who falls back on whom. */
export class ServiceTable {
  readonly #services = new FoundServices();
  /** By service, those that fall back on it. */
  readonly #fallbackUsers = new Map<string, Set<string>>();

  get(name: string): BuiltService | undefined {
    return this.#services.get(name);
  }

  /** The slots of all endpoints that requests may go to, each with its service. */
  *endpointSlots(): Generator<readonly [slot: number, service: ServicePlan]> {
    for (const name of this.#services.names()) {
      const { plan } = this.#services.built(name)!;
      for (const { slot } of this.#services.endpointsOf(name)) yield [slot, plan];
    }
  }

  /** Those that fall back on a service, whether it is there or not. */
  usersOf(name: string): Iterable<string> {
    return this.#fallbackUsers.get(name) ?? [];
  }

  put(built: BuiltService): void {
    this.#leaveUsers(built.name);
    this.#services.put(built);
    for (const service of fallbackServices(built)) {
      const users = this.#fallbackUsers.get(service);
      if (users === undefined) this.#fallbackUsers.set(service, new Set([built.name]));
      else users.add(built.name);
    }
  }

  remove(name: string): void {
    this.#leaveUsers(name);
    this.#services.remove(name);
  }

  putFound(found: BuiltFoundEndpoints): void {
    this.#services.putFound(found);
  }

  putInstance(instance: BuiltInstance): void {
    this.#services.putInstance(instance);
  }

  /** The service that it was of. */
  removeInstance(name: string): string | undefined {
    return this.#services.removeInstance(name);
  }

  #leaveUsers(name: string): void {
    const before = this.#services.built(name);
    for (const service of before === undefined ? [] : fallbackServices(before)) {
      const users = this.#fallbackUsers.get(service);
      users?.delete(name);
      if (users?.size === 0) this.#fallbackUsers.delete(service);
    }
  }
}

function fallbackServices({ fallbacks }: BuiltService): readonly string[] {
  return fallbacks.flatMap((fallback) => (fallback.kind === 'service' ? [fallback.service] : []));
}
