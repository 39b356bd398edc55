import { type ClaimPlan, findLack } from '../decide/authorize.ts';
import { clientAddress, forwardedNodes } from '../decide/client-address.ts';
import { type JsonObject, memberOf } from '../jwt/unique-json.ts';
import { readQueryParameter } from '../router/read-query.ts';
import type { AuthMethodPlan, AuthPlan } from '../tables/caller-plan.ts';
import type { RoutePlan } from '../tables/plan.ts';
import { type Asked, refused, type Said, withoutEnd } from './explain-step.ts';
import type { AssumedCaller } from './explainer.ts';

/**
 * The request as later steps see it: where the route asks nobody who he is, he is nobody, whatever is assumed; and so he is where only
 * a dry run asks, and no credential is believed.
 */
export function identified(plan: RoutePlan, asked: Asked): Asked {
  if (plan.auth !== undefined || asked.caller === undefined) return asked;
  const isUnasked = plan.dryRun?.auth === undefined;
  if (!isUnasked && asked.disbelief === undefined) return asked;
  return { ...asked, caller: undefined, consumer: undefined, isUnasked };
}

export function explainAddress({ admitsAddress }: RoutePlan, { address, headers, trusts }: Asked): Said {
  if (admitsAddress === undefined) return undefined;
  if (address === undefined) {
    return { open: 'only some client addresses may call, and none is assumed: say --from ADDRESS' };
  }
  const forwardedFor = trusts(address) ? hopsOf(headers) : undefined;
  const client = forwardedFor === undefined ? address : clientAddress(address, forwardedFor, trusts);
  const named = client === address ? client : `${client}, which the trusted proxy ${address} names,`;
  return admitsAddress(client) ? `${named} may call` : refused(403, 'forbidden', `${named} may not call`);
}

function hopsOf(headers: ReadonlyMap<string, string>): string | undefined {
  const forwarded = headers.get('forwarded');
  return headers.get('x-forwarded-for') ?? (forwarded === undefined ? undefined : forwardedNodes(forwarded));
}

export function explainAuthentication({ auth }: RoutePlan, asked: Asked): Said {
  const { caller, isUnasked } = asked;
  if (auth === undefined) return isUnasked === true ? 'nobody is asked who he is: nobody is identified' : undefined;
  if (asked.disbelief !== undefined) return explainDisbelief(auth, asked, asked.disbelief);
  const ways = auth.methods.map(methodText).join(' or ');
  if (caller !== undefined) {
    if (isToken(caller) && !auth.methods.some(({ kind }) => kind === 'jwt')) {
      const says = `needs ${ways}, and what is assumed are scopes, groups or claims of a token`;
      return refused(401, 'unauthenticated', says);
    }
    const who = caller.consumer === undefined ? 'a caller that is no consumer' : `the consumer ${caller.consumer}`;
    return `assumed to be ${who}, by ${waysFor(auth, caller)}`;
  }
  const unread = auth.methods.some((method) => isPresented(method, asked))
    ? '; a credential is presented, and none is verified here: say --as CONSUMER'
    : '';
  if (!auth.optional) return refused(401, 'unauthenticated', `needs ${ways}, and nobody is assumed${unread}`);
  const says = `nobody is assumed: passes as anonymous; asked for: ${ways}${unread}`;
  return unread === '' ? says : { open: says };
}

/** Nobody can tell which credentials hold: who presents one is refused, and so is who has to. */
function explainDisbelief(auth: AuthPlan, asked: Asked, disbelief: string): Said {
  const presents = asked.caller !== undefined || auth.methods.some((method) => isPresented(method, asked));
  if (auth.optional && !presents) return 'nobody is assumed: passes as anonymous';
  return refused(503, 'policy_unavailable', `no credential is believed: ${disbelief}`);
}

export function explainAuthorization({ authorization }: RoutePlan, { caller, consumer }: Asked): Said {
  if (authorization === undefined) return undefined;
  if (caller === undefined) return refused(401, 'unauthenticated', 'needs a caller, and nobody is assumed');
  const has = {
    // Of a token, its own alone.
    scopes: new Set(isToken(caller) ? caller.scopes : consumer?.scopes),
    groups: new Set([...(consumer?.groups ?? []), ...caller.groups]),
    claims: caller.claims,
  };
  const lack = findLack(authorization, has);
  if (lack === undefined) return 'the caller has what is asked for';
  const wanted =
    lack === 'claims'
      ? authorization.claims.map(({ name, values }) => `${name}=${[...values].join('|')}`)
      : membersOf(authorization[lack]);
  const own = lack === 'claims' ? claimsOf(has.claims, authorization.claims) : [...has[lack]];
  const says = `the caller lacks ${lack}: needs ${wanted.join(', ')}; has ${own.length === 0 ? 'none' : own.join(', ')}`;
  return refused(403, 'forbidden', says);
}

/** Of what is asked for, what a token says. */
function claimsOf(claims: JsonObject | null, wanted: readonly ClaimPlan[]): string[] {
  return wanted.flatMap(({ name }) => {
    const value = claims === null ? undefined : memberOf(claims, name);
    if (value === undefined) return [];
    return [`${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`];
  });
}

/** What policies in dry run say, as far as they say no more than that. */
export function explainDryRun(plan: RoutePlan, asked: Asked): Said[] {
  const { auth, authorization } = plan.dryRun ?? {};
  const said = [
    auth && explainAuthentication({ ...plan, auth: auth.plan }, asked),
    authorization && explainAddress({ ...plan, admitsAddress: authorization.admits }, asked),
    authorization && explainAuthorization({ ...plan, authorization: authorization.caller }, asked),
  ];
  return said.map(withoutEnd);
}

/** Scopes, groups and claims come with a token; a consumer alone is told by any credential. */
function isToken({ scopes, groups, claims }: AssumedCaller): boolean {
  return scopes.length > 0 || groups.length > 0 || claims !== null;
}

function waysFor({ methods }: AuthPlan, caller: AssumedCaller): string {
  return methods
    .filter(({ kind }) => kind === 'jwt' || !isToken(caller))
    .map(methodText)
    .join(' or ');
}

function methodText(method: AuthMethodPlan): string {
  if (method.kind === 'apiKey') return `an API key in the ${method.location} ${method.name}`;
  return `a token of ${method.issuers.join(' or ')}`;
}

function isPresented(method: AuthMethodPlan, { headers, query }: Asked): boolean {
  if (method.kind === 'jwt') {
    const value = headers.get(method.header);
    return value !== undefined && (method.header !== 'authorization' || /^bearer( |$)/i.test(value));
  }
  const { location, name } = method;
  switch (location) {
    case 'header':
      return headers.has(name);
    case 'query':
      return readQueryParameter(query, name) !== undefined;
    case 'cookie':
      return (headers.get('cookie') ?? '').split(';').some((pair) => pair.trim().startsWith(`${name}=`));
    default:
      return location satisfies never;
  }
}

function membersOf(
  plan: { readonly allOf: readonly string[]; readonly anyOf: readonly string[] } | undefined,
): string[] {
  if (plan === undefined) return [];
  return [...plan.allOf, ...(plan.anyOf.length === 0 ? [] : [`one of ${plan.anyOf.join(' ')}`])];
}
