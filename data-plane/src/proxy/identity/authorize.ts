import { findLack } from '@sluice/engine';
import { answerProblem } from '../answer.ts';
import type { Exchange } from '../exchange.ts';
import { challenge } from './authenticate.ts';

/** Refuses client addresses that the route does not admit. Behind trusted proxies it is the address that they name. */
export function checkAddress(x: Exchange): boolean {
  const { admitsAddress } = x.plan;
  if (admitsAddress === undefined || x.client.peer.isAdmitted(x.head, x.listener, admitsAddress)) return false;
  answerProblem(x, 'forbidden', 'The client address may not call this.');
  return true;
}

/** Refuses callers that lack what the route asks for. */
export function authorize(x: Exchange): boolean {
  const { plan, caller } = x;
  if (plan.authorization === undefined) return false;
  if (caller === null) {
    // Who says who he is may have what is needed.
    const lines = plan.auth === undefined ? '' : challenge(plan.auth, true);
    answerProblem(x, 'unauthenticated', 'This needs a credential, and none was presented.', lines);
    return true;
  }
  const lack = findLack(plan.authorization, caller);
  if (lack === undefined) return false;
  const isTokenShort = lack === 'scopes' && caller.claims !== null;
  answerProblem(x, 'forbidden', LACKS[lack], isTokenShort ? insufficientScope(x) : '');
  return true;
}

const LACKS = {
  scopes: 'The credential lacks a scope that this needs.',
  groups: 'The caller is in no group that may do this.',
  claims: 'A claim of the token does not allow this.',
} as const;

/** RFC 6750, 3.1: which scopes are needed. */
function insufficientScope({ plan }: Exchange): string {
  const { allOf = [], anyOf = [] } = plan.authorization?.scopes ?? {};
  const scopes = [...allOf, ...anyOf].filter((scope) => SCOPE_TOKEN.test(scope));
  const named = scopes.length === 0 ? '' : `, scope="${scopes.join(' ')}"`;
  return `www-authenticate: Bearer realm="sluice", error="insufficient_scope"${named}\r\n`;
}

/** RFC 6749, 3.3. */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
