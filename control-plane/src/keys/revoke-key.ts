import { create } from '@bufbuild/protobuf';
import { type RevokeKeyRequest, type RevokeKeyResponse, RevokeKeyResponseSchema } from '@sluice/proto';
import type { ControlContext } from '../config/context.ts';
import { done, type Outcome, refused } from '../config/outcome.ts';
import { changeKey } from './change-key.ts';
import { previousSecret } from './previous-secret.ts';

/** Ends a key for good, and the tokens that were exchanged for it. No rollback brings it back. */
export async function revokeKey(
  context: ControlContext,
  { name }: RevokeKeyRequest,
  author: string,
): Promise<Outcome<RevokeKeyResponse>> {
  const outcome = await changeKey(context, {
    action: 'key.revoke',
    author,
    name,
    change: (before) =>
      before === undefined ? refused({ kind: 'notFound', message: `there is no key "${name}"` }) : done(undefined),
    endedSecrets: (before) => [{ hash: before.hash }, ...previousSecret(before, context.now().getTime())],
  });
  if (!outcome.ok) return outcome;
  const { factsVersion, tokensRemain } =
    outcome.value.kind === 'written'
      ? outcome.value
      : { factsVersion: context.state.facts.revision, tokensRemain: false };
  return done(create(RevokeKeyResponseSchema, { factsVersion: BigInt(factsVersion), tokensRemain }));
}
