import { generateKeyPairSync } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { hmacToken, nowSeconds, signedToken } from '../../harness/token.ts';
import { waitFor } from '../../harness/wait-for.ts';
import type { FieldCase, Spec, World } from './field-case.ts';

/** Long enough for each algorithm. */
const SECRET = 'a secret that the issuer and the gateway share, and nobody else knows';
const spec: Spec = { issuer: 'https://issuer.example', algorithms: ['HS256'], secret: { inline: SECRET } };
const protectedRoute = (method: Spec) => ({
  'Route/r': { spec: { match: [{ path: { prefix: '/' } }], service: 's', auth: { anyOf: [{ jwt: method }] } } },
});
const others = protectedRoute({ issuers: ['i'] });

/** The status for a token, which has what is needed unless it says otherwise. */
const statusOf =
  (claims: Spec = {}, secret = SECRET) =>
  async ({ ask }: World): Promise<number> => {
    const token = hmacToken(secret, { iss: 'https://issuer.example', exp: nowSeconds() + 600, ...claims });
    return (await ask({ headers: { authorization: `Bearer ${token}` } })).status;
  };

const issuer = (
  proves: readonly string[],
  from: Spec,
  to: Spec,
  rest: Pick<FieldCase, 'observe' | 'was' | 'is' | 'isSecret'>,
): FieldCase => ({
  ...{ proves, key: 'Issuer/i', others },
  ...{ from: { spec: { ...spec, ...from } }, to: { spec: { ...spec, ...to } }, ...rest },
});

const method = (
  proves: readonly string[],
  from: Spec,
  to: Spec,
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => {
  const [before, after] = [from, to].map((each) => protectedRoute({ issuers: ['i'], ...each })['Route/r']);
  const issuers = { 'Issuer/i': { spec }, 'Issuer/j': { spec: { ...spec, issuer: 'another' } } };
  return { proves, key: 'Route/r', from: before!, to: after!, others: issuers, ...rest };
};

/** What the origin gets of the token in a header. */
const forwarded =
  (header: string) =>
  async ({ ask, origin }: World): Promise<unknown> => {
    const token = hmacToken(SECRET, { iss: 'https://issuer.example' });
    const { status } = await ask({ headers: { [header]: header === 'authorization' ? `Bearer ${token}` : token } });
    return status === 200 ? origin.requests.at(-1)!.header(header) !== undefined : status;
  };

const consumerLine = async ({ ask, origin }: World): Promise<unknown> => {
  const token = hmacToken(SECRET, { iss: 'https://issuer.example', one: 'c', two: 'd' });
  const { status } = await ask({ headers: { authorization: `Bearer ${token}` } });
  return status === 200 ? origin.requests.at(-1)!.header('x-consumer') : status;
};

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
  const more = { 'Issuer/i': { spec }, 'Consumer/c': { spec: { scopes: ['of-c'], groups: ['of-c'] } } };
  return { proves, key: 'Route/r', from: asking(from), to: asking(to), others: more, ...rest };
};

const entitled: Spec = { scope: 'a b', groups: ['a', 'b'], tenant: 't' };
const statusOfEntitled = { observe: statusOf(entitled), was: 200, is: 403 };
const statusOfKey = async ({ ask, key }: World): Promise<number> =>
  (await ask({ headers: { 'x-api-key': key } })).status;

/** Public keys by the names that tokens give them, each signing ES256. */
const pairs = ['one', 'two'].map((kid) => ({ kid, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) }));
const keySet = (at: number): Spec => ({
  inline: JSON.stringify({ keys: [{ ...pairs[at]!.publicKey.export({ format: 'jwk' }), kid: pairs[at]!.kid }] }),
});
const statusOfSigned = async ({ ask }: World): Promise<number> => {
  const [{ kid, privateKey }] = pairs as [(typeof pairs)[number]];
  const token = signedToken(privateKey, { iss: 'https://issuer.example' }, { alg: 'ES256', kid });
  return (await ask({ headers: { authorization: `Bearer ${token}` } })).status;
};
/** The same, of keys that the node fetches from the other origin: `/one` and `/two`, and at `/` whatever `at` says. */
const fetchedFrom =
  (change?: () => Promise<unknown>) =>
  async (world: World): Promise<number> => {
    let at = 0;
    world.other.reply = ({ target }) => ({
      body: String(keySet(target === '/two' ? 1 : target === '/' ? at : 0).inline),
    });
    const status = () =>
      waitFor('the keys are there', async () => statusOfSigned(world).then((code) => code !== 503 && code));
    if (change === undefined) return await status();
    await status();
    at = 1;
    await change();
    return await status();
  };
const ofKeys: Spec = { issuer: 'https://issuer.example', algorithms: ['ES256'] };

/** What a token that the gateway signs itself says, and whether its nodes accept it. */
const issued = (look: (token: { header: Spec; claims: Spec }) => unknown) => async (world: World) => {
  const { token } = await world.admin.tokens.issueToken({ apiKey: world.key });
  const [header, claims] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString());
  const { status } = await world.ask({ headers: { authorization: `Bearer ${token}` } });
  return [status, look({ header: JSON.parse(header!) as Spec, claims: JSON.parse(claims!) as Spec })];
};
const builtIn = (
  proves: readonly string[],
  [from, to]: readonly [Spec, Spec],
  look: (token: { header: Spec; claims: Spec }) => unknown,
  [was, is]: readonly [unknown, unknown],
): FieldCase => ({
  ...{ proves, key: 'Issuer/sluice', others: protectedRoute({ issuers: ['sluice'] }) },
  from: { spec: { issuer: 'own', signing: {}, ...from } },
  to: { spec: { issuer: 'own', signing: {}, ...to } },
  ...{ observe: issued(look), was: [200, was], is: [200, is] },
});

export const issuerCases: readonly FieldCase[] = [
  builtIn(
    ['Issuer.signing', 'Signing.lifetime'],
    [{ signing: { lifetime: '1m' } }, { signing: { lifetime: '2m' } }],
    ({ claims }) => Number(claims.exp) - Number(claims.iat),
    [60, 120],
  ),
  {
    ...{ proves: ['Issuer.jwks', 'Jwks.url'], key: 'Issuer/i', others },
    from: { spec: { ...ofKeys, jwks: { url: 'http://OTHER/one', allowHttp: true } } },
    to: { spec: { ...ofKeys, jwks: { url: 'http://OTHER/two', allowHttp: true } } },
    ...{ observe: fetchedFrom(), was: 200, is: 401 },
  },
  {
    ...{ proves: ['Jwks.refresh'], key: 'Issuer/i', others },
    from: { spec: { ...ofKeys, jwks: { url: 'http://OTHER/', refresh: '1h', allowHttp: true } } },
    to: { spec: { ...ofKeys, jwks: { url: 'http://OTHER/', refresh: '1s', allowHttp: true } } },
    ...{ observe: fetchedFrom(() => setTimeout(3_000)), was: 200, is: 401 },
  },
  {
    ...{ proves: ['Issuer.keys', 'DataSource.inline'], key: 'Issuer/i', others },
    ...{ from: { spec: { ...ofKeys, keys: keySet(0) } }, to: { spec: { ...ofKeys, keys: keySet(1) } } },
    ...{ observe: statusOfSigned, was: 200, is: 401 },
  },
  authorization(['Route.authorization', 'Authorization.scopes'], {}, { scopes: { allOf: ['x'] } }, statusOfEntitled),
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
      others: { 'Issuer/i': { spec }, 'Route/r': asking.to },
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
      from: { spec },
      to: { spec: { ...spec, [list]: { claim: 'own' } } },
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
  {
    ...{ proves: ['ApiKeyAuth.cookie'], key: 'Route/r' },
    from: {
      spec: { match: [{ path: { prefix: '/' } }], service: 's', auth: { anyOf: [{ apiKey: { cookie: 'a' } }] } },
    },
    to: { spec: { match: [{ path: { prefix: '/' } }], service: 's', auth: { anyOf: [{ apiKey: { cookie: 'b' } }] } } },
    ...{ observe: async ({ ask, key }) => (await ask({ headers: { cookie: `b=${key}` } })).status, was: 401, is: 200 },
  },
  issuer(
    ['Issuer.issuer'],
    { issuer: 'https://issuer.example' },
    { issuer: 'x' },
    { observe: statusOf(), was: 200, is: 401 },
  ),
  issuer(
    ['Issuer.audiences'],
    { audiences: ['a'] },
    { audiences: ['b'] },
    { observe: statusOf({ aud: ['a'] }), was: 200, is: 401 },
  ),
  issuer(
    ['Issuer.algorithms'],
    { algorithms: ['HS256'] },
    { algorithms: ['HS384'] },
    { observe: statusOf(), was: 200, is: 401 },
  ),
  issuer(
    ['Issuer.secret', 'Secret.inline'],
    { secret: { inline: SECRET } },
    { secret: { inline: `another: ${SECRET}` } },
    { observe: statusOf(), was: 200, is: 401, isSecret: true },
  ),
  issuer(
    ['Issuer.clock_tolerance'],
    { clockTolerance: '5m' },
    { clockTolerance: '0s' },
    {
      observe: (world) => statusOf({ exp: nowSeconds() - 60 })(world),
      was: 200,
      is: 401,
    },
  ),
  issuer(['Issuer.consumer'], {}, { consumer: { claim: 'one' } }, { observe: consumerLine, was: undefined, is: 'c' }),
  issuer(
    ['ConsumerClaim.claim'],
    { consumer: { claim: 'one' } },
    { consumer: { claim: 'two' } },
    { observe: consumerLine, was: 'c', is: 401 },
  ),
  issuer(
    ['ConsumerClaim.unknown'],
    { consumer: { claim: 'two', unknown: 'deny' } },
    { consumer: { claim: 'two', unknown: 'anonymous' } },
    { observe: consumerLine, was: 401, is: undefined },
  ),
  method(['JwtAuth.issuers'], { issuers: ['i'] }, { issuers: ['j'] }, { observe: statusOf(), was: 200, is: 401 }),
  method(
    ['JwtAuth.header'],
    { header: 'authorization' },
    { header: 'x-token' },
    { observe: forwarded('x-token'), was: 401, is: true },
  ),
  method(
    ['JwtAuth.forward'],
    { forward: true },
    { forward: false },
    { observe: forwarded('authorization'), was: true, is: false },
  ),
  {
    proves: ['AuthMethod.jwt'],
    key: 'Route/r',
    from: { spec: { match: [{ path: { prefix: '/' } }], service: 's', auth: { anyOf: [{ apiKey: {} }] } } },
    to: others['Route/r'],
    others: { 'Issuer/i': { spec } },
    observe: statusOf(),
    was: 401,
    is: 200,
  },
];
