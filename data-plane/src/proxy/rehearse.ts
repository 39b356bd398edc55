import { findLack, type RoutePlan } from '@sluice/engine';
import type { DryRunField } from '../shared/index.ts';
import type { Exchange } from './exchange.ts';
import { identify } from './identity/authenticate.ts';
import { disbelievesCallers } from './identity/stale-callers.ts';

/**
 * Decides and counts what policies in dry run would refuse, and lets it pass as it came. A valid credential identifies who asks, unless
 * another has already. Costs one comparison on routes without any.
 */
export function rehearse(x: Exchange): boolean {
  const { dryRun } = x.plan;
  if (dryRun === undefined) return false;
  const { auth, authorization } = dryRun;
  if (auth !== undefined) {
    const { caller } = x;
    const refused = identify(x, auth.plan) !== undefined;
    const disbelieved = x.caller !== caller && disbelievesCallers(x);
    if (refused || disbelieved) countRehearsed(x, auth.policySlot, 'auth');
    // Upstreams may know credentials that the gateway does not.
    if (refused) x.route = x.route.unhidden ?? x.route;
    // Who was identified by what is enforced stays who he is.
    if (caller !== null || disbelieved) x.caller = caller;
  }
  if (authorization !== undefined && !isAuthorized(x, authorization))
    countRehearsed(x, authorization.policySlot, 'authorization');
  return false;
}

type Authorization = NonNullable<NonNullable<RoutePlan['dryRun']>['authorization']>;

function isAuthorized({ head, listener, client, caller }: Exchange, { caller: plan, admits }: Authorization): boolean {
  if (admits !== undefined && !client.peer.isAdmitted(head, listener, admits)) return false;
  return plan === undefined || (caller !== null && findLack(plan, caller) === undefined);
}

/** Counts a request that would have been refused. */
export function countRehearsed({ context, plan, record }: Exchange, policySlot: number, field: DryRunField): void {
  if (record !== null) record.noteDryRun(field);
  const { metrics } = context.shared;
  metrics.add(metrics.dryRunRefusals(plan.slot, policySlot, field));
}
