import { createHash } from 'node:crypto';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  CreateKeyRequestSchema,
  IssueTokenRequestSchema,
  ResourceSchema,
  RevokeKeyRequestSchema,
  RevokeTokenRequestSchema,
  RotateKeyRequestSchema,
  VerifyTokenRequestSchema,
} from '@sluice/proto';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { done } from '../config/outcome.ts';
import { apply, consumer, expectDone, openContext } from '../config/testing/resources.ts';
import { changeFacts } from '../facts/change-facts.ts';
import { createKey, revokeKey, rotateKey } from '../keys/index.ts';
import { type MemoryStore, openMemoryStore } from '../store/testing/memory-store.ts';
import { type EndedSecret, endTokens } from './end-tokens.ts';
import { forgetEnded } from './forget-ended.ts';
import { issueToken, type TokenContext } from './issue-token.ts';
import { revokeToken } from './revoke-token.ts';
import { listSigningKeys, PUBLISH_AHEAD_MS, SigningKeys } from './signing-keys.ts';
import { verifyToken } from './verify-token.ts';

const START = new Date('2026-11-21T12:00:00Z');
let store: MemoryStore;
let context: TokenContext;
let now = START;
let waitedFor: number[] = [];
let apiKey = '';

beforeAll(async () => {
  store = await openMemoryStore();
});
afterAll(() => store.close());
beforeEach(async () => {
  await context?.state.close();
  await store.reset();
  now = START;
  waitedFor = [];
  const opened = await openContext(store, { now: () => now });
  const factsReached = async (version: number) => void waitedFor.push(version);
  context = { ...opened, signingKeys: new SigningKeys(opened), factsReached };
  const scopes = ['read', 'write'];
  const ci = create(ResourceSchema, { name: 'ci', spec: { case: 'consumer', value: { scopes } } });
  expectDone(await apply(context, [ci, consumer('plain')]));
  apiKey = await makeKey('k');
});

async function makeKey(name: string, more: { consumer?: string; expiresAt?: Date } = {}): Promise<string> {
  const { consumer: of = 'ci', expiresAt } = more;
  const ends = expiresAt && { expiresAt: timestampFromDate(expiresAt) };
  return expectDone(await createKey(context, create(CreateKeyRequestSchema, { name, consumer: of, ...ends }), 'a'))
    .secret;
}
const after = (ms: number): void => {
  now = new Date(now.getTime() + ms);
};
const issue = (more: Omit<MessageInitShape<typeof IssueTokenRequestSchema>, '$typeName'> = {}) =>
  issueToken(context, create(IssueTokenRequestSchema, { apiKey, ...more }));
const verify = async (token: string) =>
  expectDone(await verifyToken(context, create(VerifyTokenRequestSchema, { token })));
const revoke = (tokenId: string, issuer = '') =>
  revokeToken(context, create(RevokeTokenRequestSchema, { tokenId, issuer }), 'bob');
const configure = async (
  signing: { algorithm?: string; rotateEvery?: { seconds: bigint } },
  audiences: string[] = [],
) => {
  const value = { issuer: 'https://own.example', audiences, keySource: { case: 'signing' as const, value: signing } };
  expectDone(await apply(context, [create(ResourceSchema, { name: 'sluice', spec: { case: 'issuer', value } })]));
};

/** The oracle: jose, with the public keys as they are stored. */
const verifyByJose = (token: string, options = {}) => {
  const keys = listSigningKeys(context).map(({ keyId, algorithm, publicKey }) => ({
    ...(JSON.parse(publicKey) as object),
    ...{ kid: keyId, alg: algorithm },
  }));
  return jwtVerify(token, createLocalJWKSet({ keys: keys as never }), { currentDate: now, ...options });
};

describe('a token', () => {
  test('says whose the key is and what he may, for a quarter of an hour', async () => {
    const made = expectDone(await issue());
    expect(made).toMatchObject({ consumer: 'ci', scopes: ['read', 'write'] });
    const { payload, protectedHeader } = await verifyByJose(made.token);
    const iat = START.getTime() / 1000;
    expect(payload).toMatchObject({
      iss: 'sluice',
      sub: 'ci',
      scope: 'read write',
      jti: made.tokenId,
      iat,
      exp: iat + 900,
    });
    expect(payload).not.toHaveProperty('aud');
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'JWT', kid: listSigningKeys(context)[0]?.keyId });
    expect(timestampDate(made.expiresAt!).getTime()).toBe(START.getTime() + 900_000);
    expect(await verify(made.token)).toMatchObject({ valid: true, reason: '' });
  });

  test('is for what was asked for, and never for more than the consumer has', async () => {
    const { token } = expectDone(await issue({ scopes: ['read'], lifetime: { seconds: 60n } }));
    const { payload } = await verifyByJose(token);
    expect([payload.scope, payload.exp]).toEqual(['read', START.getTime() / 1000 + 60]);
    expect(await issue({ scopes: ['read', 'admin'] })).toMatchObject({ failure: { kind: 'invalid' } });
    expect(expectDone(await issue({ lifetime: { seconds: 7200n } })).expiresAt?.seconds).toBe(
      BigInt(payload.iat! + 900),
    );
    const plain = await makeKey('plain', { consumer: 'plain' });
    const none = expectDone(await issue({ apiKey: plain }));
    expect((await verifyByJose(none.token)).payload.scope).toBeUndefined();
  });

  test('ends no later than the key that it was exchanged for', async () => {
    const soon = await makeKey('soon', { expiresAt: new Date(START.getTime() + 90_000) });
    expect(expectDone(await issue({ apiKey: soon })).expiresAt?.seconds).toBe(BigInt(START.getTime() / 1000 + 90));
    const rotated = expectDone(
      await rotateKey(context, create(RotateKeyRequestSchema, { name: 'k', grace: { seconds: 30n } }), 'a'),
    );
    expect(expectDone(await issue()).expiresAt?.seconds).toBe(BigInt(START.getTime() / 1000 + 30));
    expect(expectDone(await issue({ apiKey: rotated.secret })).expiresAt?.seconds).toBe(
      BigInt(START.getTime() / 1000 + 900),
    );
  });

  test('is given for no key that nodes would refuse', async () => {
    const refusal = { failure: { kind: 'unauthenticated', message: 'the API key is not accepted' } };
    expect(await issue({ apiKey: `${apiKey}x` })).toMatchObject(refusal);
    const soon = await makeKey('soon', { expiresAt: new Date(START.getTime() + 1000) });
    after(1000);
    expect(await issue({ apiKey: soon })).toMatchObject(refusal);
    expectDone(await revokeKey(context, create(RevokeKeyRequestSchema, { name: 'k' }), 'a'));
    expect(await issue()).toMatchObject(refusal);
  });

  test('is of the issuer that is configured', async () => {
    await configure({ algorithm: 'EdDSA' }, ['api', 'web']);
    const { token } = expectDone(await issue());
    const { payload, protectedHeader } = await verifyByJose(token, { audience: 'web', issuer: 'https://own.example' });
    expect([payload.aud, protectedHeader.alg]).toEqual([['api', 'web'], 'EdDSA']);
    expect((await verify(token)).valid).toBe(true);
  });

  test("is refused when it has ended, is another issuer's, or was changed", async () => {
    const { token } = expectDone(await issue());
    const [header, claims] = token.split('.') as [string, string];
    expect(await verify(`${header}.${claims}.${'A'.repeat(86)}`)).toMatchObject({ valid: false, claims: '' });
    after(900_000 + 30_000);
    expect(await verify(token)).toMatchObject({ valid: false, reason: 'The token has expired.' });
  });
});

describe('a key that signs', () => {
  test('is made once, and the first token waits until nodes have it; its private half is sealed', async () => {
    const tokens = await Promise.all([issue(), issue(), issue()]);
    const used = new Set(tokens.map((outcome) => decodeProtectedHeader(expectDone(outcome).token).kid));
    expect(used.size).toBe(1);
    expect(listSigningKeys(context)).toHaveLength(1);
    expect(waitedFor.length).toBeGreaterThan(0);
    const dump = await store.dump();
    expect(dump).not.toMatch(/PRIVATE KEY|"d":/);
    const names = context.state.facts
      .snapshot('any')
      .items.map(({ content }) => Buffer.from(content).toString('latin1'));
    expect(names.join()).not.toMatch(/PRIVATE KEY|"d":/);
  });

  test('is replaced in time, first published and then used, and its tokens stay valid', async () => {
    await configure({ rotateEvery: { seconds: 3600n } });
    const first = expectDone(await issue());
    after(3600_000 - 10_000);
    const last = expectDone(await issue());
    after(10_000);
    const during = expectDone(await issue());
    expect(listSigningKeys(context)).toHaveLength(2);
    after(PUBLISH_AHEAD_MS);
    const next = expectDone(await issue());
    const kids = [first, last, during, next].map(({ token }) => decodeProtectedHeader(token).kid);
    expect(new Set(kids.slice(0, 3)).size).toBe(1);
    expect(kids[3]).not.toBe(kids[0]);
    for (const { token } of [last, during, next]) expect((await verify(token)).valid).toBe(true);
  });

  test('is replaced by one of the algorithm that is configured now, and by hand', async () => {
    const first = expectDone(await issue());
    await configure({ algorithm: 'ES384' });
    expectDone(await issue());
    after(PUBLISH_AHEAD_MS);
    expect(decodeProtectedHeader(expectDone(await issue()).token).alg).toBe('ES384');
    const rotated = expectDone(await context.signingKeys.rotate('alice'));
    after(PUBLISH_AHEAD_MS);
    expect(decodeProtectedHeader(expectDone(await issue()).token).kid).toBe(rotated.keyId);
    expect((await verify(first.token)).reason).toBe('The token is of no issuer that is accepted here.');
  });

  test('goes a day after its successor, with all the tokens it can have signed', async () => {
    expectDone(await issue());
    const [old] = listSigningKeys(context);
    expectDone(await context.signingKeys.rotate('alice'));
    after(PUBLISH_AHEAD_MS + 86_400_000 + 300_000 - 1);
    expectDone(await forgetEnded(context));
    expect(listSigningKeys(context)).toHaveLength(2);
    after(1);
    expectDone(await forgetEnded(context));
    expect(listSigningKeys(context).map(({ keyId }) => keyId)).not.toContain(old?.keyId);
    expect(listSigningKeys(context)).toHaveLength(1);
  });

  test('is there again after a restart', async () => {
    const before = expectDone(await issue());
    const opened = await openContext(store, { now: () => now, seal: context.seal });
    await context.state.close();
    context = { ...opened, signingKeys: new SigningKeys(opened), factsReached: async () => undefined };
    expect(decodeProtectedHeader(expectDone(await issue()).token).kid).toBe(decodeProtectedHeader(before.token).kid);
    expect((await verify(before.token)).valid).toBe(true);
  });
});

describe('a revoked token', () => {
  test('is refused by its id alone; again changes nothing; it is forgotten when it has ended by itself', async () => {
    const [gone, kept] = [expectDone(await issue()), expectDone(await issue())];
    const { factsVersion } = expectDone(await revoke(gone.tokenId));
    expect(await verify(gone.token)).toMatchObject({ valid: false, reason: 'The token was revoked.' });
    expect((await verify(kept.token)).valid).toBe(true);
    expect(expectDone(await revoke(gone.tokenId)).factsVersion).toBe(factsVersion);
    const [entry] = await store.listAudit(undefined, 1);
    expect(entry).toMatchObject({ action: 'token.revoke', actor: 'bob' });
    after(86_400_000 + 300_000 - 1);
    expect(expectDone(await forgetEnded(context))).toBe(Number(factsVersion));
    after(1);
    expect(expectDone(await forgetEnded(context))).toBe(Number(factsVersion) + 1);
    expect(context.state.facts.countOf('RevokedToken')).toBe(0);
  });

  test('is one of so many, and none beyond; one that is revoked already needs no room', async () => {
    const revokeOf = (tokenId: string) => revokeToken(context, create(RevokeTokenRequestSchema, { tokenId }), 'bob', 2);
    expectDone(await revokeOf('one'));
    expectDone(await revokeOf('two'));
    expect(await revokeOf('three')).toMatchObject({ failure: { kind: 'exhausted' } });
    expectDone(await revokeOf('two'));
  });

  test('must be of an issuer that is there', async () => {
    expect(await revoke('x', 'elsewhere')).toMatchObject({ failure: { kind: 'failedPrecondition' } });
  });
});

describe('tokens that were exchanged for a key', () => {
  const revokeKeyOf = (name: string) => revokeKey(context, create(RevokeKeyRequestSchema, { name }), 'bob');
  const rotate = async (graceSeconds: number) => {
    const grace = { seconds: BigInt(graceSeconds) };
    return expectDone(await rotateKey(context, create(RotateKeyRequestSchema, { name: 'k', grace }), 'bob')).secret;
  };
  const isValid = async (...tokens: readonly { token: string }[]) =>
    (await Promise.all(tokens.map(async ({ token }) => (await verify(token)).valid))).join(' ');
  const ofSecret = async (secret: string) => expectDone(await issue({ apiKey: secret }));

  test('end with it, in the same version of the facts, and are forgotten when none can be left; those of others stay', async () => {
    const other = await makeKey('other');
    const [first, second, kept] = [await ofSecret(apiKey), await ofSecret(apiKey), await ofSecret(other)];
    const before = context.state.facts.revision;
    const revoked = expectDone(await revokeKeyOf('k'));
    expect(revoked).toMatchObject({ factsVersion: BigInt(before + 1), tokensRemain: false });
    expect(await isValid(first, second, kept)).toBe('false false true');
    expect((await verify(first.token)).reason).toBe('The token was revoked.');
    const again = await makeKey('k');
    expect(await isValid(first, await ofSecret(again))).toBe('false true');
    after(86_400_000 + 300_000 - 1);
    expectDone(await forgetEnded(context));
    expect(context.state.facts.countOf('RevokedToken')).toBe(1);
    after(1);
    expectDone(await forgetEnded(context));
    expect(context.state.facts.countOf('RevokedToken')).toBe(0);
  });

  test('say nothing of its secret or its hash', async () => {
    const { token } = await ofSecret(apiKey);
    const { payload } = await verifyByJose(token);
    expect(payload.sluice_key).toMatch(/^[\w-]{22}$/);
    const sha256 = createHash('sha256').update(apiKey).digest();
    expect(sha256.toString('base64url')).not.toContain(payload.sluice_key);
    expect((await verifyByJose((await ofSecret(apiKey)).token)).payload.sluice_key).toBe(payload.sluice_key);
  });

  test('end with the secret that is rotated away: at once without a grace, else when it is over', async () => {
    const first = await ofSecret(apiKey);
    const newer = await rotate(60);
    const second = await ofSecret(newer);
    expect(await isValid(first, second)).toBe('true true');
    after(60_000 - 1);
    expect(await isValid(first, second)).toBe('true true');
    after(1);
    expect(await isValid(first, second)).toBe('false true');
    const newest = await rotate(0);
    expect(await isValid(second, await ofSecret(newest))).toBe('false true');
  });

  test('end at once where a second rotation ends the grace, or the key is revoked within it', async () => {
    const first = await ofSecret(apiKey);
    const second = await ofSecret(await rotate(60));
    const third = await ofSecret(await rotate(60));
    expect(await isValid(first, second, third)).toBe('false true true');
    expectDone(await revokeKeyOf('k'));
    expect(await isValid(first, second, third)).toBe('false false false');
  });

  test('need no fact where the grace outlasts them, nor where none was ever issued', async () => {
    expectDone(await revokeKeyOf((await makeKey('unused')) && 'unused'));
    expect(context.state.facts.countOf('RevokedToken')).toBe(0);
    await ofSecret(apiKey);
    await rotate(86_400);
    expect(context.state.facts.countOf('RevokedToken')).toBe(0);
    await rotate(86_399);
    expect(context.state.facts.countOf('RevokedToken')).toBe(2);
  });

  test('have room for so many secrets, and none beyond; one that ended already needs none', async () => {
    await ofSecret(apiKey);
    const secrets = [0, 1, 2].map((byte) => ({ hash: new Uint8Array(32).fill(byte) }));
    const [first, second] = secrets as [EndedSecret, EndedSecret];
    expect(endTokens(context, secrets, 3)).toHaveLength(3);
    expect(endTokens(context, secrets, 2)).toBeUndefined();
    const items = endTokens(context, [first, second], 2)!;
    expectDone(await changeFacts(context, () => done({ action: 'key.revoke', author: 'bob', detail: '', items })));
    expect(endTokens(context, [first, second], 2)).toHaveLength(2);
    expect(endTokens(context, secrets, 2)).toBeUndefined();
  });
});
