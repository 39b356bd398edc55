import { type ApiKeyMethodPlan, type AuthPlan, readQueryParameter } from '@sluice/engine';
import { HeaderId, headerIdOf, joinedFieldValue, namedFieldValue } from '../http1/index.ts';
import type { AuthFailureReason } from '../shared/index.ts';
import { answerProblem } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { withoutQueryParameter } from './query-parameter.ts';

/**
 * Tries the methods in order; the first valid credential identifies the caller. Where none is valid the request is refused, unless
 * none was presented and the route takes anonymous requests.
 */
export function authenticate(x: Exchange): boolean {
  const auth = x.plan.auth;
  if (auth === undefined) return false;
  let failure: AuthFailureReason = 'missing';
  for (const method of auth.methods) {
    const key = presentedKey(x, method);
    if (key === undefined) continue;
    const caller = x.context.callers.identify(key);
    if (caller === undefined) failure = 'unknown';
    else if (caller.apiKey.expiresAtMs <= Date.now()) failure = 'expired';
    else {
      x.caller = caller;
      break;
    }
  }
  if (x.caller !== null || (failure === 'missing' && auth.optional)) {
    hideCredentials(x, auth);
    return false;
  }
  const { metrics } = x.context.shared;
  metrics.add(metrics.authFailures(x.plan.slot, failure));
  answerProblem(x, 'unauthenticated', DETAILS[failure], challenge(auth));
  return true;
}

const DETAILS: { readonly [reason in AuthFailureReason]?: string } = {
  missing: 'No credential was presented.',
  unknown: 'The API key is not known.',
  expired: 'The API key has expired.',
};

function presentedKey(x: Exchange, { location, name }: ApiKeyMethodPlan): string | undefined {
  if (location === 'query') return x.query === '' ? undefined : readQueryParameter(x.query, name);
  const id = headerIdOf(name);
  return id === HeaderId.apiKey || id === HeaderId.authorization
    ? joinedFieldValue(x.head, id)
    : namedFieldValue(x.head, name);
}

/** Keys in headers are dropped with the head's other fields; those in the query are cut out of it. */
function hideCredentials(x: Exchange, { methods }: AuthPlan): void {
  if (x.query === '') return;
  for (const { location, name, forward } of methods) {
    if (location === 'query' && !forward) x.query = withoutQueryParameter(x.query, name);
  }
}

const challenges = new WeakMap<AuthPlan, string>();

function challenge(auth: AuthPlan): string {
  let lines = challenges.get(auth);
  if (lines === undefined) {
    lines = auth.methods
      .map(({ location, name }) => `www-authenticate: ApiKey realm="sluice", ${location}="${name}"\r\n`)
      .join('');
    challenges.set(auth, lines);
  }
  return lines;
}
