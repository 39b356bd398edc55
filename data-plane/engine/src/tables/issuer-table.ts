import type { BuiltIssuer } from './build-issuer.ts';
import type { BuiltKeySet } from './build-key-set.ts';
import { type BuiltSigningKey, signingKeys } from './build-token-facts.ts';
import { BUILT_IN_ISSUER, builtInIssuer } from './built-in-issuer.ts';
import type { IssuerPlan } from './caller-plan.ts';

/** Issuers, each with the keys it has now. A change of either makes another plan: what was decided by the one before is decided anew. */
export class IssuerTable {
  readonly #built = new Map<string, BuiltIssuer>();
  readonly #keySets = new Map<string, BuiltKeySet>();
  readonly #signingKeys = new Map<string, BuiltSigningKey['member']>();
  readonly #plans = new Map<string, IssuerPlan>([[BUILT_IN_ISSUER, builtInIssuer]]);
  #ownKeys = builtInIssuer.keys;

  plan(name: string): IssuerPlan | undefined {
    return this.#plans.get(name);
  }

  put(issuer: BuiltIssuer): void {
    this.#built.set(issuer.name, issuer);
    this.#join(issuer.name);
  }

  remove(name: string): void {
    this.#built.delete(name);
    this.#keySets.delete(name);
    this.#join(name);
  }

  putKeySet(set: BuiltKeySet): void {
    this.#keySets.set(set.name, set);
    this.#join(set.name);
  }

  putSigningKey({ name, member }: BuiltSigningKey): void {
    this.#signingKeys.set(name, member);
    this.#joinOwnKeys();
  }

  removeSigningKey(name: string): void {
    this.#signingKeys.delete(name);
    this.#joinOwnKeys();
  }

  #joinOwnKeys(): void {
    this.#ownKeys = signingKeys(this.#signingKeys.values());
    this.#join(BUILT_IN_ISSUER);
  }

  #join(name: string): void {
    const plan = this.#joined(name);
    if (plan === undefined) this.#plans.delete(name);
    else this.#plans.set(name, plan);
  }

  #joined(name: string): IssuerPlan | undefined {
    const built = this.#built.get(name);
    if (name === BUILT_IN_ISSUER) return { ...(built?.plan ?? builtInIssuer), keys: this.#ownKeys };
    const set = this.#keySets.get(name);
    // Keys that came from another address than the one that is configured now say nothing.
    const isOwn = built?.keySet !== undefined && set?.url === built.keySet.url;
    return isOwn ? { ...built.plan, keys: set?.keys } : built?.plan;
  }
}
