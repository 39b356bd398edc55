import type { FieldCase, Spec, World } from './field-case.ts';
import { issuerSpec, statusOf } from './issuer-case.ts';

/** What a route asks of callers: the status for a token with these claims, and for the key of the consumer. */
const authorization = (
  proves: readonly string[],
  from: Spec,
  to: Spec,
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => {
  const auth = { anyOf: [{ jwt: { issuers: ['i'] } }, { apiKey: {} }] };
  const asking = (asked: Spec) => ({
    spec: { match: [{ path: { prefix: '/' } }], service: 's', auth, authorization: asked },
  });
  const more = { 'Issuer/i': { spec: issuerSpec }, 'Consumer/c': { spec: { scopes: ['of-c'], groups: ['of-c'] } } };
  return { proves, key: 'Route/r', from: asking(from), to: asking(to), others: more, ...rest };
};

const entitled: Spec = { scope: 'a b', groups: ['a', 'b'], tenant: 't' };
const statusOfEntitled = { observe: statusOf(entitled), was: 200, is: 403 };
const statusOfKey = async ({ ask, key }: World): Promise<number> =>
  (await ask({ headers: { 'x-api-key': key } })).status;

export const authorizationCases: readonly FieldCase[] = [
  authorization(
    ['Route.authorization', 'Authorization.scopes'],
    { scopes: { allOf: ['a'] } },
    { scopes: { allOf: ['x'] } },
    statusOfEntitled,
  ),
  authorization(
    ['Membership.all_of'],
    { scopes: { allOf: ['a', 'b'] } },
    { scopes: { allOf: ['a', 'x'] } },
    statusOfEntitled,
  ),
  authorization(
    ['Membership.any_of'],
    { scopes: { anyOf: ['x', 'b'] } },
    { scopes: { anyOf: ['x'] } },
    statusOfEntitled,
  ),
  authorization(['Authorization.groups'], { groups: { allOf: ['b'] } }, { groups: { allOf: ['x'] } }, statusOfEntitled),
  authorization(
    ['Authorization.claims'],
    { claims: { tenant: ['t'] } },
    { claims: { tenant: ['x'] } },
    statusOfEntitled,
  ),
  authorization(
    ['Authorization.ip', 'IpRules.allow'],
    { ip: { allow: ['127.0.0.0/8'] } },
    { ip: { allow: ['10.0.0.0/8'] } },
    statusOfEntitled,
  ),
  authorization(['IpRules.deny'], { ip: { deny: ['10.0.0.0/8'] } }, { ip: { deny: ['127.0.0.1'] } }, statusOfEntitled),
  ...(['scopes', 'groups'] as const).map((list): FieldCase => {
    const asking = authorization(
      [`Consumer.${list}`],
      {},
      { [list]: { allOf: ['of-c'] } },
      { observe: statusOfKey, was: 403, is: 200 },
    );
    return {
      ...asking,
      key: 'Consumer/c',
      from: { spec: {} },
      to: { spec: { [list]: ['of-c'] } },
      others: { 'Issuer/i': { spec: issuerSpec }, 'Route/r': asking.to },
    };
  }),
  ...(['scopes', 'groups'] as const).map((list): FieldCase => {
    const asking = authorization(
      [],
      {},
      { [list]: { allOf: ['x'] } },
      { observe: statusOf({ own: ['x'] }), was: 403, is: 200 },
    );
    return {
      ...asking,
      proves: [`Issuer.${list}`, ...(list === 'scopes' ? ['Claim.claim'] : [])],
      key: 'Issuer/i',
      from: { spec: issuerSpec },
      to: { spec: { ...issuerSpec, [list]: { claim: 'own' } } },
      others: { 'Route/r': asking.to },
    };
  }),
  ...(['Policy', 'Route'] as const).map((kind): FieldCase => {
    const auth = { anyOf: [{ apiKey: {} }] };
    const taken = { match: [{ path: { prefix: '/' } }], service: 's' };
    const written = (mode: string): Spec => ({ ...(kind === 'Route' && taken), mode, auth });
    return {
      ...{ proves: [`${kind}.mode`], key: kind === 'Route' ? 'Route/r' : 'Policy/p' },
      ...{ from: { spec: written('enforce') }, to: { spec: written('dryRun') } },
      others: kind === 'Route' ? {} : { 'Route/r': { spec: { ...taken, policies: ['p'] } } },
      ...{ observe: async ({ ask }: World) => (await ask()).status, was: 401, is: 200 },
    };
  }),
  {
    ...{ proves: ['Policy.authorization'], key: 'Policy/p', from: { spec: {} } },
    to: { spec: { authorization: { ip: { deny: ['127.0.0.1'] } } } },
    others: { 'Route/r': { spec: { match: [{ path: { prefix: '/' } }], service: 's', policies: ['p'] } } },
    ...{ observe: async ({ ask }) => (await ask()).status, was: 200, is: 403 },
  },
];
