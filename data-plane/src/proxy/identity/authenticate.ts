import type { ApiKeyMethodPlan, AuthMethodPlan, AuthPlan, IssuerPlan, JwtMethodPlan } from '@sluice/engine';
import { HeaderId, headerIdOf, joinedFieldValue, namedFieldValue } from '../../http1/index.ts';
import type { AuthFailureReason } from '../../shared/index.ts';
import { answerProblem } from '../answer.ts';
import type { Exchange } from '../exchange.ts';
import { onlyQueryParameter, withoutQueryParameter } from '../query-parameter.ts';
import type { Caller } from './caller.ts';
import { readCookie } from './cookies.ts';
import { disbelievesCallers, refuseDisbelieved } from './stale-callers.ts';
import type { TokenCaller } from './token-callers.ts';

/** Why a credential is refused: a reason as metrics count it, and words for the caller. */
interface AuthRefusal {
  readonly reason: AuthFailureReason;
  readonly detail: string;
  /** Whose keys the credential's is not among. */
  readonly lacking?: IssuerPlan;
}

/**
 * Tries the methods in order; the first valid credential identifies the caller. Where none is valid the request is refused, unless
 * none was presented and the route takes anonymous requests.
 */
export function authenticate(x: Exchange): boolean {
  const auth = x.plan.auth;
  if (auth === undefined) return false;
  if (disbelievesCallers(x)) return !isAnonymous(x, auth) && refuseDisbelieved(x);
  const refusal = identify(x, auth);
  if (refusal === undefined) return false;
  const { lacking } = refusal;
  if (lacking?.isFetched === true && x.context.keyWaits.wait(x, lacking)) return true;
  const { metrics } = x.context.shared;
  metrics.add(metrics.authFailures(x.plan.slot, refusal.reason));
  if (refusal.reason === 'unavailable') answerProblem(x, 'policy_unavailable', refusal.detail, 'retry-after: 1\r\n');
  else answerProblem(x, 'unauthenticated', refusal.detail, challenge(auth, refusal === MISSING));
  return true;
}

/** Presents no credential where none is needed. Who presents one is not taken for anybody. */
function isAnonymous(x: Exchange, auth: AuthPlan): boolean {
  if (!auth.optional || identify(x, auth) !== undefined) return false;
  const { caller } = x;
  x.caller = null;
  return caller === null;
}

/** Why nobody is identified who may ask. Undefined: who asks is, or need not be, and what says so is not passed on. */
export function identify(x: Exchange, auth: AuthPlan): AuthRefusal | undefined {
  const { methods } = auth;
  let refusal: AuthRefusal = MISSING;
  for (let i = 0; i < methods.length; i++) {
    const method = methods[i] as AuthMethodPlan;
    const found = method.kind === 'jwt' ? identifyByToken(x, method) : identifyByKey(x, method);
    if (found === undefined) continue;
    if (!('reason' in found)) {
      x.caller = found;
      hideCredentials(x, auth);
      return undefined;
    }
    // What cannot be decided yet is no refusal: another answer would say that it was.
    if (refusal.lacking?.isFetched !== true) refusal = found;
  }
  if (refusal !== MISSING || !auth.optional) return refusal;
  hideCredentials(x, auth);
  return undefined;
}

const MISSING: AuthRefusal = { reason: 'missing', detail: 'No credential was presented.' };
const UNKNOWN: AuthRefusal = { reason: 'unknown', detail: 'The API key is not known.' };
const EXPIRED: AuthRefusal = { reason: 'expired', detail: 'The API key has expired.' };
const NO_TOKEN: AuthRefusal = { reason: 'malformed', detail: 'The token is malformed.' };

/** Undefined: none was presented. */
function identifyByKey(x: Exchange, { location, name }: ApiKeyMethodPlan): Caller | AuthRefusal | undefined {
  const key = presentedKey(x, location, name);
  if (key === undefined) return undefined;
  const caller = x.context.callers.identify(key);
  if (caller === undefined) return UNKNOWN;
  return caller.apiKey.expiresAtMs <= Date.now() ? EXPIRED : caller;
}

function presentedKey(x: Exchange, location: ApiKeyMethodPlan['location'], name: string): string | undefined {
  switch (location) {
    case 'header':
      return headerValue(x, name);
    case 'query':
      return x.query === '' ? undefined : onlyQueryParameter(x.query, name);
    case 'cookie':
      return readCookie(x.head, name);
    default:
      return location satisfies never;
  }
}

/** Undefined: none was presented; another scheme of `authorization` is none of ours. */
function identifyByToken(x: Exchange, method: JwtMethodPlan): TokenCaller | AuthRefusal | undefined {
  const value = headerValue(x, method.header);
  if (value === undefined) return undefined;
  let start = 0;
  if (method.header === 'authorization') {
    if (!isBearer(value)) return undefined;
    start = BEARER.length;
    while (value.charCodeAt(start) === SPACE) start++;
  }
  // Two fields of one name would be joined by a comma and a space.
  return start < value.length ? x.context.tokens.identify(value, start, method, Date.now()) : NO_TOKEN;
}

const BEARER = 'bearer';
const SPACE = 0x20;

/** RFC 6750, 2.1; the scheme in any letter case (RFC 9110, 11.1). */
function isBearer(value: string): boolean {
  for (let i = 0; i < BEARER.length; i++) {
    if ((value.charCodeAt(i) | 0x20) !== BEARER.charCodeAt(i)) return false;
  }
  return value.length === BEARER.length || value.charCodeAt(BEARER.length) === SPACE;
}

function headerValue(x: Exchange, name: string): string | undefined {
  const id = headerIdOf(name);
  return id === HeaderId.apiKey || id === HeaderId.authorization
    ? joinedFieldValue(x.head, id)
    : namedFieldValue(x.head, name);
}

/** Credentials in headers and cookies are dropped with the head's other fields; those in the query are cut out of it. */
function hideCredentials(x: Exchange, { methods }: AuthPlan): void {
  if (x.query === '') return;
  for (const method of methods) {
    if (method.kind === 'apiKey' && method.location === 'query' && !method.forward) {
      x.query = withoutQueryParameter(x.query, method.name);
    }
  }
}

interface Challenges {
  readonly missing: string;
  readonly invalid: string;
}

const challenges = new WeakMap<AuthPlan, Challenges>();

/** The challenges of a route's methods (RFC 9110, 11.6.1). */
export function challenge(auth: AuthPlan, isMissing: boolean): string {
  let lines = challenges.get(auth);
  if (lines === undefined) {
    lines = { missing: challengeLines(auth, ''), invalid: challengeLines(auth, ', error="invalid_token"') };
    challenges.set(auth, lines);
  }
  return isMissing ? lines.missing : lines.invalid;
}

/** `error`: what RFC 6750, 3.1 says of a token that was presented. */
function challengeLines({ methods }: AuthPlan, error: string): string {
  const lines = methods.map((method) =>
    method.kind === 'jwt'
      ? `www-authenticate: Bearer realm="sluice"${error}\r\n`
      : `www-authenticate: ApiKey realm="sluice", ${method.location}="${method.name}"\r\n`,
  );
  return [...new Set(lines)].join('');
}
