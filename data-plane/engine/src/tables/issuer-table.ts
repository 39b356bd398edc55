import type { BuiltIssuer } from './build-issuer.ts';
import type { BuiltKeySet } from './build-key-set.ts';
import type { IssuerPlan } from './plan.ts';

/** Issuers, each with the keys it has now. A change of either makes another plan: what was decided by the one before is decided anew. */
export class IssuerTable {
  readonly #built = new Map<string, BuiltIssuer>();
  readonly #keySets = new Map<string, BuiltKeySet>();
  readonly #plans = new Map<string, IssuerPlan>();

  plan(name: string): IssuerPlan | undefined {
    return this.#plans.get(name);
  }

  put(issuer: BuiltIssuer): void {
    this.#built.set(issuer.name, issuer);
    this.#join(issuer);
  }

  remove(name: string): void {
    this.#built.delete(name);
    this.#keySets.delete(name);
    this.#plans.delete(name);
  }

  putKeySet(set: BuiltKeySet): void {
    this.#keySets.set(set.name, set);
    const issuer = this.#built.get(set.name);
    if (issuer !== undefined) this.#join(issuer);
  }

  /** Keys that came from another address than the one that is configured now say nothing. */
  #join({ name, plan, keySet }: BuiltIssuer): void {
    const set = keySet && this.#keySets.get(name);
    this.#plans.set(name, set !== undefined && set.url === keySet?.url ? { ...plan, keys: set.keys } : plan);
  }
}
