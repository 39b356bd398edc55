import { hash } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { timestampDate, timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { BUILT_IN_ISSUER, REVOKED_TOKEN_KIND, tokenKey } from '@sluice/engine';
import {
  RevokedTokenSchema,
  type RevokeTokenRequest,
  type RevokeTokenResponse,
  RevokeTokenResponseSchema,
} from '@sluice/proto';
import type { ControlContext } from '../config/context.ts';
import { done, type Outcome, refused } from '../config/outcome.ts';
import { changeFacts } from '../facts/change-facts.ts';
import { KEPT_MS } from './signing-keys.ts';

/** Revoked tokens at a time. */
export const MAX_REVOKED = 100_000;

/** Ends a token by its id, on all nodes, until it would have ended by itself. Doing it again changes nothing. */
export async function revokeToken(
  context: ControlContext,
  { issuer: wanted, tokenId, expiresAt }: RevokeTokenRequest,
  author: string,
  most: number = MAX_REVOKED,
): Promise<Outcome<RevokeTokenResponse>> {
  const { state, now } = context;
  const issuer = wanted === '' ? BUILT_IN_ISSUER : wanted;
  const nowMs = now().getTime();
  const endsMs = expiresAt === undefined ? nowMs + KEPT_MS : timestampDate(expiresAt).getTime() + 300_000;
  const name = revokedName(issuer, tokenId);
  const outcome = await changeFacts(context, () => {
    if (issuer !== BUILT_IN_ISSUER && state.config.index.get(`Issuer/${issuer}`) === undefined) {
      return refused({ kind: 'failedPrecondition', message: `there is no Issuer "${issuer}"` });
    }
    const before = state.facts.get(REVOKED_TOKEN_KIND, name);
    if (before !== undefined && revokedUntilMs(before.content) >= endsMs) return done(undefined);
    if (before === undefined && state.facts.countOf(REVOKED_TOKEN_KIND) >= most) {
      return refused({
        kind: 'exhausted',
        message: `${most} tokens are revoked; rotate the issuer's keys instead`,
      });
    }
    const revoked = create(RevokedTokenSchema, {
      issuer,
      tokenId,
      revokedAt: timestampFromMs(nowMs),
      expiresAt: timestampFromMs(endsMs),
    });
    return done({
      action: 'token.revoke',
      author,
      detail: `issuer ${issuer}`,
      items: [{ kind: REVOKED_TOKEN_KIND, name, content: toBinary(RevokedTokenSchema, revoked) }],
    });
  });
  if (!outcome.ok) return outcome;
  return done(create(RevokeTokenResponseSchema, { factsVersion: BigInt(outcome.value) }));
}

export function isTokenRevoked({ state, now }: ControlContext, issuer: string, tokenId: string): boolean {
  const item = state.facts.get(REVOKED_TOKEN_KIND, revokedName(issuer, tokenId));
  if (item === undefined) return false;
  const { effectiveFrom } = fromBinary(RevokedTokenSchema, item.content);
  return effectiveFrom === undefined || timestampMs(effectiveFrom) <= now().getTime();
}

export function revokedUntilMs(content: Uint8Array): number {
  const { expiresAt } = fromBinary(RevokedTokenSchema, content);
  return expiresAt === undefined ? Number.POSITIVE_INFINITY : timestampDate(expiresAt).getTime();
}

/** The fact that revokes a token. Ids are any text: names are of one length. */
export function revokedName(issuer: string, tokenId: string): string {
  return hash('sha256', tokenKey(issuer, tokenId), 'hex');
}
