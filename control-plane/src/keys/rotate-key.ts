import { create } from '@bufbuild/protobuf';
import { durationMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type ApiKey, type RotateKeyRequest, type RotateKeyResponse, RotateKeyResponseSchema } from '@sluice/proto';
import type { ControlContext } from '../config/context.ts';
import { done, type Outcome, refused } from '../config/outcome.ts';
import { MAX_LIFETIME_MS } from '../tokens/index.ts';
import { changeKey, withoutHashes } from './change-key.ts';
import { makeKeySecret } from './key-secret.ts';
import { previousSecret } from './previous-secret.ts';

const DEFAULT_GRACE_MS = 24 * 60 * 60 * 1000;

/**
 * Gives a key a new secret. The one before is accepted for the grace period, one older than that no longer; tokens that were exchanged for
 * them end with them.
 */
export async function rotateKey(
  context: ControlContext,
  { name, grace }: RotateKeyRequest,
  author: string,
): Promise<Outcome<RotateKeyResponse>> {
  const graceMs = grace === undefined ? DEFAULT_GRACE_MS : durationMs(grace);
  const nowMs = context.now().getTime();
  const untilMs = nowMs + graceMs;
  const made = makeKeySecret();
  let rotated: ApiKey | undefined;
  const outcome = await changeKey(context, {
    action: 'key.rotate',
    author,
    name,
    change: (before) => {
      if (before === undefined) return refused({ kind: 'notFound', message: `there is no key "${name}"` });
      const { previousExpiresAt: _, ...kept } = before;
      const renewed = { ...kept, hash: made.hash, prefix: made.prefix };
      rotated =
        graceMs > 0
          ? { ...renewed, previousHash: before.hash, previousExpiresAt: timestampFromMs(untilMs) }
          : { ...renewed, previousHash: new Uint8Array() };
      return done(rotated);
    },
    endedSecrets: (before) => [
      ...previousSecret(before, nowMs),
      // Nothing that was exchanged until now lasts for as long as the longest grace.
      ...(graceMs >= MAX_LIFETIME_MS ? [] : [{ hash: before.hash, ...(graceMs > 0 && { fromMs: untilMs }) }]),
    ],
  });
  if (!outcome.ok) return outcome;
  if (outcome.value.kind !== 'written' || rotated === undefined) {
    throw new Error('a rotation carries no idempotency key and cannot have been answered before');
  }
  const factsVersion = BigInt(outcome.value.factsVersion);
  return done(create(RotateKeyResponseSchema, { key: withoutHashes(rotated), secret: made.secret, factsVersion }));
}
