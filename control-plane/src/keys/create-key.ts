import { create, toBinary } from '@bufbuild/protobuf';
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  ApiKeySchema,
  type CreateKeyRequest,
  CreateKeyRequestSchema,
  type CreateKeyResponse,
  CreateKeyResponseSchema,
} from '@sluice/proto';
import type { ControlContext } from '../config/context.ts';
import { ANSWER_LIFETIME_MS, findUnstorable } from '../config/make-change.ts';
import { done, type Outcome, refused } from '../config/outcome.ts';
import { changeKey, withoutHashes } from './change-key.ts';
import { findOverrideProblems } from './check-overrides.ts';
import { makeKeySecret, randomText } from './key-secret.ts';

/** Makes a key. Its secret is in the answer and nowhere else, so a retry cannot be given it again. */
export async function createKey(
  context: ControlContext,
  request: CreateKeyRequest,
  author: string,
): Promise<Outcome<CreateKeyResponse>> {
  const { state, seal, now } = context;
  const createdAt = now();
  if (request.expiresAt !== undefined && timestampDate(request.expiresAt) <= createdAt) {
    return refused({ kind: 'invalid', message: 'expires_at is in the past', problems: [] });
  }
  const unstorable = findUnstorable({ idempotency_key: request.idempotencyKey });
  if (unstorable !== undefined) return refused(unstorable);
  const made = makeKeySecret();
  const key = create(ApiKeySchema, {
    name: request.name === '' ? nameAfter(request.consumer) : request.name,
    consumer: request.consumer,
    hash: made.hash,
    prefix: made.prefix,
    enabled: true,
    rateLimits: request.rateLimits,
    createdAt: timestampFromDate(createdAt),
    ...(request.expiresAt === undefined ? {} : { expiresAt: request.expiresAt }),
  });
  const requestHash = seal.hashRequest('key.create', toBinary(CreateKeyRequestSchema, request));
  const outcome = await changeKey(context, {
    action: 'key.create',
    author,
    name: key.name,
    change: (before) => {
      if (before !== undefined) {
        return refused({ kind: 'alreadyExists', message: `there is a key "${key.name}" already` });
      }
      if (state.config.index.get(`Consumer/${key.consumer}`) === undefined) {
        return refused({ kind: 'failedPrecondition', message: `there is no Consumer "${key.consumer}"` });
      }
      const problems = findOverrideProblems(state.config.index, key);
      if (problems.length > 0) return refused({ kind: 'invalid', message: 'the key is invalid', problems });
      return done(key);
    },
    ...(request.idempotencyKey === ''
      ? {}
      : {
          answer: {
            key: request.idempotencyKey,
            requestHash,
            response: Buffer.from(key.name, 'utf8'),
            createdAt,
            expiresAt: new Date(createdAt.getTime() + ANSWER_LIFETIME_MS),
          },
        }),
  });
  if (!outcome.ok) return outcome;
  if (outcome.value.kind === 'answered') {
    const { answer } = outcome.value;
    if (Buffer.compare(answer.requestHash, requestHash) !== 0) {
      return refused({ kind: 'invalid', message: 'the idempotency key was used for another request', problems: [] });
    }
    const name = Buffer.from(answer.response).toString('utf8');
    return refused({
      kind: 'alreadyExists',
      message: `the first request made the key "${name}"; rotate it if its secret was lost`,
    });
  }
  const factsVersion = BigInt(outcome.value.factsVersion);
  return done(create(CreateKeyResponseSchema, { key: withoutHashes(key), secret: made.secret, factsVersion }));
}

/** The consumer's name and a random ending, at most 63 characters. */
function nameAfter(consumer: string): string {
  return `${consumer.slice(0, 54).replace(/-+$/, '')}-${randomText(8, 'abcdefghijklmnopqrstuvwxyz0123456789')}`;
}
