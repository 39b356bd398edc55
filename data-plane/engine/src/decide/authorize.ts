import { type JsonObject, memberOf } from '../jwt/unique-json.ts';

/**
 * What a caller needs: all that is given. Client addresses are decided apart, before anybody is identified. Costs a set lookup for each
 * name that is asked for, and allocates nothing; a token's lists become sets at its first request.
 */
export interface AuthorizationPlan {
  readonly scopes: MembershipPlan | undefined;
  readonly groups: MembershipPlan | undefined;
  readonly claims: readonly ClaimPlan[];
}

export interface MembershipPlan {
  readonly allOf: readonly string[];
  /** Empty: none of them is asked for. */
  readonly anyOf: readonly string[];
}

/** A claim must have one of the values; of a claim that is a list, one of its items. */
export interface ClaimPlan {
  readonly name: string;
  readonly values: ReadonlySet<string>;
}

/** What a credential brings along. */
export interface Entitlements {
  readonly scopes: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  /** Of a token. */
  readonly claims: JsonObject | null;
}

/** The first thing that a caller lacks. Undefined: nothing. */
export function findLack(plan: AuthorizationPlan, caller: Entitlements): 'scopes' | 'groups' | 'claims' | undefined {
  if (plan.scopes !== undefined && !isMember(plan.scopes, caller.scopes)) return 'scopes';
  if (plan.groups !== undefined && !isMember(plan.groups, caller.groups)) return 'groups';
  for (const claim of plan.claims) if (!hasClaim(claim, caller.claims)) return 'claims';
  return undefined;
}

/** The names in a claim: a list of texts, or one text, which `separator` splits. What else there is counts for nothing. */
export function namesIn(value: unknown, separator: string | undefined): ReadonlySet<string> {
  if (typeof value === 'string') {
    return new Set(separator === undefined ? [value] : value.split(separator).filter((name) => name !== ''));
  }
  return new Set(Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []);
}

function isMember({ allOf, anyOf }: MembershipPlan, names: ReadonlySet<string>): boolean {
  for (const name of allOf) if (!names.has(name)) return false;
  return anyOf.length === 0 || anyOf.some((name) => names.has(name));
}

function hasClaim({ name, values }: ClaimPlan, claims: JsonObject | null): boolean {
  const value = claims === null ? undefined : memberOf(claims, name);
  return Array.isArray(value) ? value.some((item) => isOneOf(item, values)) : isOneOf(value, values);
}

function isOneOf(value: unknown, values: ReadonlySet<string>): boolean {
  if (typeof value === 'string') return values.has(value);
  return (typeof value === 'number' || typeof value === 'boolean') && values.has(String(value));
}
