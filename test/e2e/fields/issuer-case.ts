import { hmacToken, nowSeconds } from '../../harness/token.ts';
import type { Spec, World } from './field-case.ts';

/** Long enough for each algorithm. */
export const SECRET = 'a secret that the issuer and the gateway share, and nobody else knows';
export const issuerSpec: Spec = { issuer: 'https://issuer.example', algorithms: ['HS256'], secret: { inline: SECRET } };
export const protectedRoute = (method: Spec) => ({
  'Route/r': { spec: { match: [{ path: { prefix: '/' } }], service: 's', auth: { anyOf: [{ jwt: method }] } } },
});
export const others = protectedRoute({ issuers: ['i'] });

/** The status for a token, which has what is needed unless it says otherwise. */
export const statusOf =
  (claims: Spec = {}, secret = SECRET) =>
  async ({ ask }: World): Promise<number> => {
    const token = hmacToken(secret, { iss: 'https://issuer.example', exp: nowSeconds() + 600, ...claims });
    return (await ask({ headers: { authorization: `Bearer ${token}` } })).status;
  };
