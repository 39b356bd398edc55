import { hash, randomUUID, timingSafeEqual } from 'node:crypto';
import { create, fromBinary } from '@bufbuild/protobuf';
import { durationMs, timestampDate, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { SECRET_CLAIM } from '@sluice/engine';
import {
  type ApiKey,
  ApiKeySchema,
  type Consumer,
  type IssueTokenRequest,
  type IssueTokenResponse,
  IssueTokenResponseSchema,
} from '@sluice/proto';
import { SignJWT } from 'jose';
import type { ControlContext } from '../config/context.ts';
import { done, type Outcome, refused } from '../config/outcome.ts';
import { readBuiltInIssuer } from './built-in-issuer.ts';
import { secretId } from './end-tokens.ts';
import type { SigningKeys } from './signing-keys.ts';

/** What is the same for all requests. */
export interface TokenContext extends ControlContext {
  readonly signingKeys: SigningKeys;
  /** Resolves when the connected nodes have this version of the facts, or soon after. */
  readonly factsReached: (version: number) => Promise<void>;
}

/** Exchanges an API key for a token. It says what the key's consumer may, and ends no later than the key. */
export async function issueToken(
  context: TokenContext,
  request: IssueTokenRequest,
): Promise<Outcome<IssueTokenResponse>> {
  const { state, now, signingKeys } = context;
  await state.ready;
  const nowMs = now().getTime();
  const found = findKey(context, request.apiKey, nowMs);
  if (found === undefined) return refused({ kind: 'unauthenticated', message: 'the API key is not accepted' });
  const { name, consumer, endsMs, secretHash } = found;
  const scopes = request.scopes.length === 0 ? consumer.scopes : request.scopes;
  const lacking = scopes.filter((scope) => !consumer.scopes.includes(scope));
  if (lacking.length > 0) {
    return refused({
      kind: 'invalid',
      message: `the consumer ${name} does not have: ${lacking.join(', ')}`,
      problems: [],
    });
  }
  const { issuer, audiences, signing } = readBuiltInIssuer(context);
  const wantedMs = request.lifetime === undefined ? signing.lifetimeMs : durationMs(request.lifetime);
  // Whole seconds, as tokens have them.
  const expires = Math.floor(Math.min(nowMs + Math.min(wantedMs, signing.lifetimeMs), endsMs) / 1000);
  const active = await signingKeys.active();
  if (!active.ok) return active;
  const { keyId, algorithm, privateKey, madeInVersion } = active.value;
  const tokenId = randomUUID();
  // An audience of nobody would be one that nobody belongs to (RFC 7519, 4.1.3).
  const token = await new SignJWT({
    [SECRET_CLAIM]: secretId(secretHash),
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    ...(audiences.length > 0 && { aud: [...audiences] }),
  })
    .setProtectedHeader({ alg: algorithm, kid: keyId, typ: 'JWT' })
    .setIssuer(issuer)
    .setSubject(name)
    .setJti(tokenId)
    .setIssuedAt(Math.floor(nowMs / 1000))
    .setExpirationTime(expires)
    .sign(privateKey);
  if (madeInVersion !== undefined) await context.factsReached(madeInVersion);
  const expiresAt = timestampFromMs(expires * 1000);
  return done(create(IssueTokenResponseSchema, { token, tokenId, expiresAt, consumer: name, scopes: [...scopes] }));
}

interface FoundKey {
  readonly name: string;
  readonly consumer: Consumer;
  readonly endsMs: number;
  readonly secretHash: Uint8Array;
}

/** The consumer of a key that is accepted now, and when the secret that was given is no longer. */
function findKey({ state }: ControlContext, secret: string, nowMs: number): FoundKey | undefined {
  const secretHash = hash('sha256', Buffer.from(secret, 'latin1'), 'buffer');
  const item = state.facts.findKey(secretHash);
  const key = item && fromBinary(ApiKeySchema, item.content);
  if (key === undefined || !key.enabled) return undefined;
  const endsMs = endOf(key, secretHash);
  const consumer = state.config.index.get(`Consumer/${key.consumer}`)?.resource.spec;
  if (endsMs <= nowMs || consumer?.case !== 'consumer') return undefined;
  return { name: key.consumer, consumer: consumer.value, endsMs, secretHash };
}

/** 0 where the secret is not the key's. */
function endOf(key: ApiKey, secretHash: Uint8Array): number {
  const keyEndsMs = msOf(key.expiresAt);
  if (isSame(key.hash, secretHash)) return keyEndsMs;
  return isSame(key.previousHash, secretHash) ? Math.min(keyEndsMs, msOf(key.previousExpiresAt)) : 0;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function msOf(timestamp: ApiKey['expiresAt']): number {
  return timestamp === undefined ? Number.POSITIVE_INFINITY : timestampDate(timestamp).getTime();
}
