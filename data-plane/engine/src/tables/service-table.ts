import type { BuiltService } from './build-service.ts';
import type { ServicePlan } from './service-plan.ts';

/** Services, and who falls back on whom. */
export class ServiceTable {
  readonly #services = new Map<string, BuiltService>();
  /** By service, those that fall back on it. */
  readonly #fallbackUsers = new Map<string, Set<string>>();

  get(name: string): BuiltService | undefined {
    return this.#services.get(name);
  }

  plans(): Iterable<ServicePlan> {
    return this.#services.values().map(({ plan }) => plan);
  }

  /** Those that fall back on a service, whether it is there or not. */
  usersOf(name: string): Iterable<string> {
    return this.#fallbackUsers.get(name) ?? [];
  }

  put(built: BuiltService): void {
    this.#leaveUsers(built.name);
    this.#services.set(built.name, built);
    for (const service of fallbackServices(built)) {
      const users = this.#fallbackUsers.get(service);
      if (users === undefined) this.#fallbackUsers.set(service, new Set([built.name]));
      else users.add(built.name);
    }
  }

  remove(name: string): void {
    this.#leaveUsers(name);
    this.#services.delete(name);
  }

  #leaveUsers(name: string): void {
    const before = this.#services.get(name);
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
