import type { Authorization, IpRules, Membership } from '@sluice/proto';
import type { AuthorizationPlan, MembershipPlan } from '../decide/authorize.ts';
import { compileNetworks } from './address-rules.ts';

/** What one policy or route asks for. */
export interface BuiltAuthorization {
  /** Undefined: nothing of the caller. */
  readonly caller: AuthorizationPlan | undefined;
  /** Whether an address may call at all. Undefined: every one may. */
  readonly admits: ((address: string) => boolean) | undefined;
}

export function buildAuthorization({ scopes, groups, claims, ip }: Authorization): BuiltAuthorization {
  const plan: AuthorizationPlan = {
    scopes: scopes && buildMembership(scopes),
    groups: groups && buildMembership(groups),
    claims: Object.entries(claims).map(([name, { values }]) => ({ name, values: new Set(values) })),
  };
  const asksNothing = plan.scopes === undefined && plan.groups === undefined && plan.claims.length === 0;
  return { caller: asksNothing ? undefined : plan, admits: ip && buildIpRules(ip) };
}

function buildMembership({ allOf, anyOf }: Membership): MembershipPlan {
  return { allOf, anyOf };
}

/** Deny wins over allow; an empty allow admits all. */
function buildIpRules({ allow, deny }: IpRules): (address: string) => boolean {
  const isDenied = compileNetworks(deny);
  const isAllowed = allow.length === 0 ? () => true : compileNetworks(allow);
  return (address) => isAllowed(address) && !isDenied(address);
}
