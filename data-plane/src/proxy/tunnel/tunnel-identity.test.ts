import { generateKeyPairSync, sign } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { type IssuerPlan, REVOKED_TOKEN_KIND, SIGNING_KEY_KIND, type Tables, tokensOfSecret } from '@sluice/engine';
import { RevokedTokenSchema, SigningKeySchema } from '@sluice/proto';
import { describe, expect, test } from 'vitest';
import { TokenCaller } from '../identity/token-callers.ts';
import { manifestsOf, route, service } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import { nowSeconds } from '../testing/tokens.ts';
import { revokedAtMs } from './tunnel-identity.ts';

const CONSUMER = { kind: 'Consumer', name: 'app', spec: {} };
const AUTH = { anyOf: [{ jwt: { issuers: ['sluice'] } }] };
const NEVER = Number.POSITIVE_INFINITY;

/** A token of the built-in issuer, whose key the node then has. */
function issue(rig: ProxyRig, claims: object): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = JSON.stringify(publicKey.export({ format: 'jwk' }));
  const key = create(SigningKeySchema, { keyId: 'k', algorithm: 'ES256', publicKey: jwk });
  const content = toBinary(SigningKeySchema, key);
  rig.commit({ upserts: [{ kind: SIGNING_KEY_KIND, name: 'k', content, unavailable: undefined }], removals: [] });
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encode({ alg: 'ES256', kid: 'k', typ: 'JWT' })}.${encode({ iss: 'sluice', ...claims })}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

/** Ends all tokens of the secret `s`. */
function endSecret(rig: ProxyRig, fromSeconds?: number): void {
  const effective = fromSeconds === undefined ? {} : { effectiveFrom: { seconds: BigInt(fromSeconds) } };
  const revoked = create(RevokedTokenSchema, { issuer: 'sluice', tokenId: tokensOfSecret('s'), ...effective });
  const content = toBinary(RevokedTokenSchema, revoked);
  rig.commit({ upserts: [{ kind: REVOKED_TOKEN_KIND, name: 'r', content, unavailable: undefined }], removals: [] });
}

describe('a tunnel that was opened with a token of a secret of an API key', () => {
  const open = (tables: Tables, endSeconds: number, secret = 's') => {
    const claims = { sluice_key: secret };
    return new TokenCaller(tables.issuer('sluice') as IssuerPlan, claims, endSeconds * 1000, tables.epoch, undefined);
  };

  test('ends with the secret, now or later, and not by an end that was known or comes after its own', async () => {
    await using rig = await ProxyRig.start(manifestsOf(service(), CONSUMER));
    const atMs = (endSeconds: number, secret?: string) => revokedAtMs(open(rig.tables, endSeconds, secret), rig.tables);
    expect(atMs(900)).toBe(NEVER);
    endSecret(rig, 500);
    expect([atMs(900), atMs(501), atMs(500), atMs(499), atMs(900, 't')]).toEqual([
      500_000,
      500_000,
      NEVER,
      NEVER,
      NEVER,
    ]);
    endSecret(rig);
    expect([atMs(900), atMs(1), atMs(900, 't')]).toEqual([0, 0, NEVER]);
  });
});

describe('a token that is remembered', () => {
  test('is accepted until the secret that it was exchanged for ends, and no request longer', async () => {
    await using rig = await ProxyRig.start(
      manifestsOf(service(), route({ auth: AUTH, respond: { status: 200 } }), CONSUMER),
    );
    const token = issue(rig, { sub: 'app', exp: nowSeconds() + 600, sluice_key: 's' });
    const client = await rig.connect();
    const ask = async () => {
      client.send(`GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`);
      return (await client.takeMessage()).head.split(' ')[1];
    };
    for (let i = 0; i < 3; i++) expect(await ask()).toBe('200');
    endSecret(rig, nowSeconds() + 300);
    expect(await ask()).toBe('200');
    endSecret(rig, nowSeconds() + 1);
    await expect.poll(ask, { timeout: 20_000 }).toBe('401');
    endSecret(rig);
    expect(await ask()).toBe('401');
  });
});
