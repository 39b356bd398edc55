import { hash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { BUILT_IN_ISSUER, REVOKED_TOKEN_KIND, tokensOfSecret } from '@sluice/engine';
import { RevokedTokenSchema } from '@sluice/proto';
import type { ControlContext } from '../config/context.ts';
import type { FactsChange } from '../facts/prepare-facts.ts';
import { MAX_REVOKED, revokedName } from './revoke-token.ts';
import { KEPT_MS, listSigningKeys } from './signing-keys.ts';

/** A secret of an API key that is no longer accepted, or will not be. */
export interface EndedSecret {
  /** Its SHA-256. */
  readonly hash: Uint8Array;
  /** From when on, Unix milliseconds. Undefined: at once. */
  readonly fromMs?: number;
}

/** Facts about secrets have room of their own: whoever revokes tokens by their ids cannot keep keys from ending theirs. */
const MAX_WITH_SECRETS = 2 * MAX_REVOKED;

/** Names a secret in the tokens that are exchanged for it. Nobody gets from there to the hash, by which the secret is accepted. */
export function secretId(secretHash: Uint8Array): string {
  return hash('sha256', Buffer.concat([Buffer.from('sluice token '), secretHash]), 'base64url').slice(0, 22);
}

/**
 * The facts by which all tokens end that were exchanged for these secrets, whoever issued them and when: also those that a control plane
 * still issues that has not heard of it. They are kept for as long as any such token may last. None where no token was ever issued.
 * Undefined: there is no room for them.
 */
export function endTokens(
  context: ControlContext,
  secrets: readonly EndedSecret[],
  most: number = MAX_WITH_SECRETS,
): FactsChange['items'] | undefined {
  const { facts } = context.state;
  if (listSigningKeys(context).length === 0) return [];
  const nowMs = context.now().getTime();
  const items = secrets.map(({ hash: secretHash, fromMs }) => {
    const tokenId = tokensOfSecret(secretId(secretHash));
    const revoked = create(RevokedTokenSchema, {
      issuer: BUILT_IN_ISSUER,
      tokenId,
      revokedAt: timestampFromMs(nowMs),
      expiresAt: timestampFromMs(nowMs + KEPT_MS),
      ...(fromMs === undefined ? {} : { effectiveFrom: timestampFromMs(fromMs) }),
    });
    const name = revokedName(BUILT_IN_ISSUER, tokenId);
    return { kind: REVOKED_TOKEN_KIND, name, content: toBinary(RevokedTokenSchema, revoked) };
  });
  const added = items.filter(({ kind, name }) => facts.get(kind, name) === undefined).length;
  return added > 0 && facts.countOf(REVOKED_TOKEN_KIND) + added > most ? undefined : items;
}
