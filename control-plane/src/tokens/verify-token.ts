import { create } from '@bufbuild/protobuf';
import {
  BUILT_IN_ISSUER,
  builtInIssuer,
  type JsonObject,
  keySetMember,
  memberOf,
  SECRET_CLAIM,
  signingKeys,
  tokenRefusals,
  tokensOfSecret,
  verifyToken as verify,
} from '@sluice/engine';
import { type VerifyTokenRequest, type VerifyTokenResponse, VerifyTokenResponseSchema } from '@sluice/proto';
import type { ControlContext } from '../config/context.ts';
import { done, type Outcome } from '../config/outcome.ts';
import { readBuiltInIssuer } from './built-in-issuer.ts';
import { isTokenRevoked } from './revoke-token.ts';
import { listSigningKeys } from './signing-keys.ts';

/** Decides about a token of the built-in issuer as nodes do, by the same code. */
export async function verifyToken(
  context: ControlContext,
  { token }: VerifyTokenRequest,
): Promise<Outcome<VerifyTokenResponse>> {
  const { state, now } = context;
  await state.ready;
  const { issuer, audiences } = readBuiltInIssuer(context);
  const keys = signingKeys(listSigningKeys(context).map(keySetMember));
  const verified = verify(token, [{ ...builtInIssuer, issuer, audiences, keys }], now().getTime());
  if ('reason' in verified) return done(create(VerifyTokenResponseSchema, { reason: verified.detail }));
  const { claims } = verified;
  const reason = refusalOf(context, claims);
  return done(create(VerifyTokenResponseSchema, { valid: reason === '', reason, claims: JSON.stringify(claims) }));
}

function refusalOf(context: ControlContext, claims: JsonObject): string {
  const [id, consumer] = [memberOf(claims, 'jti'), memberOf(claims, 'sub')];
  const secret = memberOf(claims, SECRET_CLAIM);
  const names = [id, typeof secret === 'string' ? tokensOfSecret(secret) : undefined];
  if (names.some((name) => typeof name === 'string' && isTokenRevoked(context, BUILT_IN_ISSUER, name)))
    return tokenRefusals.revoked.detail;
  const isKnown = typeof consumer === 'string' && context.state.config.index.get(`Consumer/${consumer}`) !== undefined;
  return isKnown ? '' : tokenRefusals.consumer.detail;
}
