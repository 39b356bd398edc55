import { generateKeyPairSync } from 'node:crypto';
import { signedToken } from '../../harness/token.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { type FieldCase, happens, type Spec, type World } from './field-case.ts';
import { others, protectedRoute } from './issuer-case.ts';

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
/** Has the other origin serve keys: the first at `/one`, the second at `/two`, and at `/` those that are to be had now. */
const serveKeys = ({ other }: World): { turn: () => void } => {
  let now = 0;
  other.reply = ({ target }) => ({ body: String(keySet(target === '/two' ? 1 : target === '/' ? now : 0).inline) });
  return { turn: () => now++ };
};
/** The status once keys were fetched. */
const statusOfFetched = (world: World) =>
  waitFor('the keys are there', async () => statusOfSigned(world).then((code) => code !== 503 && code));
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

export const keySetCases: readonly FieldCase[] = [
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
    observe: async (world) => {
      serveKeys(world);
      return await statusOfFetched(world);
    },
    ...{ was: 200, is: 401 },
  },
  {
    ...{ proves: ['Jwks.refresh'], key: 'Issuer/i', others },
    from: { spec: { ...ofKeys, jwks: { url: 'http://OTHER/', refresh: '1h', allowHttp: true } } },
    to: { spec: { ...ofKeys, jwks: { url: 'http://OTHER/', refresh: '1s', allowHttp: true } } },
    observe: async (world) => {
      const keys = serveKeys(world);
      const before = await statusOfFetched(world);
      keys.turn();
      const isRefused = await happens(world.expected === 'refused', async () => (await statusOfSigned(world)) === 401);
      return before === 200 && isRefused ? 'refused' : before;
    },
    ...{ was: 200, is: 'refused' },
  },
  {
    ...{ proves: ['Issuer.keys', 'DataSource.inline'], key: 'Issuer/i', others },
    ...{ from: { spec: { ...ofKeys, keys: keySet(0) } }, to: { spec: { ...ofKeys, keys: keySet(1) } } },
    ...{ observe: statusOfSigned, was: 200, is: 401 },
  },
];
