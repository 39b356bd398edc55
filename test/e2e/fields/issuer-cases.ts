import { hmacToken, nowSeconds } from '../../harness/token.ts';
import type { FieldCase, Spec, World } from './field-case.ts';
import { issuerSpec, others, protectedRoute, SECRET, statusOf } from './issuer-case.ts';

const issuer = (
  proves: readonly string[],
  from: Spec,
  to: Spec,
  rest: Pick<FieldCase, 'observe' | 'was' | 'is' | 'isSecret'>,
): FieldCase => ({
  ...{ proves, key: 'Issuer/i', others },
  ...{ from: { spec: { ...issuerSpec, ...from } }, to: { spec: { ...issuerSpec, ...to } }, ...rest },
});

const method = (
  proves: readonly string[],
  from: Spec,
  to: Spec,
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => {
  const [before, after] = [from, to].map((each) => protectedRoute({ issuers: ['i'], ...each })['Route/r']);
  const issuers = { 'Issuer/i': { spec: issuerSpec }, 'Issuer/j': { spec: { ...issuerSpec, issuer: 'another' } } };
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

export const issuerCases: readonly FieldCase[] = [
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
    others: { 'Issuer/i': { spec: issuerSpec } },
    observe: statusOf(),
    was: 401,
    is: 200,
  },
];
