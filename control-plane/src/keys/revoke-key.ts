import { create } from '@bufbuild/protobuf';
import { type RevokeKeyRequest, type RevokeKeyResponse, RevokeKeyResponseSchema } from '@sluice/proto';
import type { ControlContext } from '../config/context.ts';
import { done, type Outcome, refused } from '../config/outcome.ts';
import { changeKey } from './change-key.ts';

/** Ends a key for good. No rollback brings it back. */
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
  });
  if (!outcome.ok) return outcome;
  const factsVersion = outcome.value.kind === 'written' ? outcome.value.factsVersion : context.state.facts.revision;
  return done(create(RevokeKeyResponseSchema, { factsVersion: BigInt(factsVersion) }));
}
