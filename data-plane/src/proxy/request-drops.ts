import type { AuthPlan, HeaderEditsPlan, ListenerPlan, RoutePlan } from '@sluice/engine';
import { dropTable, HeaderId, headerIdOf, plainName, REQUEST_DROP } from '../http1/index.ts';
import { DIGEST_FIELDS, PARTIAL_FIELDS } from './body/response-edits-state.ts';

/** What of a request is not passed on. */
export interface RequestDrops {
  /** Which fields of a request are not passed on: of an untrusted peer, of a trusted one. */
  readonly requestDrop: Uint8Array;
  readonly trustedRequestDrop: Uint8Array;
  readonly requestDropNames: ReadonlySet<string> | null;
  /** Cookies that hold credentials and are not passed on. */
  readonly droppedCookies: readonly string[] | null;
}

/** Written by the gateway: whatever came under these names is not passed on. */
const OWN_REQUEST_FIELDS = [
  HeaderId.forwarded,
  HeaderId.forwardedFor,
  HeaderId.forwardedProto,
  HeaderId.forwardedHost,
  HeaderId.requestId,
  HeaderId.traceparent,
  HeaderId.consumer,
];
/** What else only a trusted peer may say. */
const UNTRUSTED_REQUEST_FIELDS = [HeaderId.forwardedOther, HeaderId.realIp];

/** @param auths what finds credentials, which are not passed on unless it says so */
export function requestDrops(
  plan: RoutePlan,
  { requestIdHeader }: ListenerPlan,
  auths: readonly (AuthPlan | undefined)[],
): RequestDrops {
  const names = [...removedNames(plan.requestHeaders), ...auths.flatMap(credentialHeaders), requestIdHeader];
  const cookies = auths.flatMap(credentialCookies);
  if (cookies.length > 0) names.push('cookie');
  if (plan.requestBody !== undefined) names.push(...DIGEST_FIELDS);
  if (plan.responseBody !== undefined) names.push(...PARTIAL_FIELDS);
  const trustedRequestDrop = internTable(dropTable(REQUEST_DROP, [...OWN_REQUEST_FIELDS, ...knownIds(names)]));
  return {
    trustedRequestDrop,
    requestDrop: internTable(dropTable(trustedRequestDrop, UNTRUSTED_REQUEST_FIELDS)),
    requestDropNames: unknownNames(names),
    droppedCookies: cookies.length === 0 ? null : cookies,
  };
}

const MAX_INTERNED_TABLES = 1024;
const internedTables = new Map<string, Uint8Array>();

/** One table for all routes that drop the same: of 100,000 routes most do, and what is one is in the processor's cache. */
export function internTable(table: Uint8Array): Uint8Array {
  const key = table.join('');
  const known = internedTables.get(key);
  if (known !== undefined) return known;
  if (internedTables.size >= MAX_INTERNED_TABLES) internedTables.clear();
  internedTables.set(key, table);
  return table;
}

function credentialCookies(auth: AuthPlan | undefined): readonly string[] {
  return (auth?.methods ?? []).flatMap((method) =>
    method.kind === 'apiKey' && method.location === 'cookie' && !method.forward ? [method.name] : [],
  );
}

/** Headers that hold credentials and are not passed on. */
function credentialHeaders(auth: AuthPlan | undefined): readonly string[] {
  const methods = (auth?.methods ?? []).filter(({ forward }) => !forward);
  return methods.flatMap((method) => {
    if (method.kind === 'jwt') return [method.header];
    return method.location === 'header' ? [method.name] : [];
  });
}

export function removedNames(edits: HeaderEditsPlan | undefined): readonly string[] {
  return edits === undefined ? [] : [...edits.removed];
}

/** Ids that stand for one name alone, so that dropping by them drops nothing else. */
export function knownIds(names: readonly string[]): HeaderId[] {
  return names.map(headerIdOf).filter((id) => !SHARED_IDS.has(id));
}

const SHARED_IDS: ReadonlySet<HeaderId> = new Set([
  HeaderId.other,
  HeaderId.forwardedOther,
  HeaderId.consumer,
  HeaderId.twin,
]);

export function unknownNames(names: readonly string[]): ReadonlySet<string> | null {
  const unknown = names.filter((name) => headerIdOf(name) === HeaderId.other);
  return unknown.length === 0 ? null : new Set(unknown.map(plainName));
}
