import { create, toBinary } from '@bufbuild/protobuf';
import { RevokedTokenSchema } from '@sluice/proto';
import { expect, test } from 'vitest';
import { parseUniqueObject } from '../jwt/unique-json.ts';
import { buildRevokedToken, tokensOfSecret } from './build-token-facts.ts';
import { RevokedTokens } from './revoked-tokens.ts';

function revokedTokens(
  ...revoked: readonly { issuer: string; tokenId: string; fromSeconds?: number }[]
): RevokedTokens {
  const all = new RevokedTokens();
  for (const { issuer, tokenId, fromSeconds } of revoked) {
    const effective = fromSeconds === undefined ? {} : { effectiveFrom: { seconds: BigInt(fromSeconds) } };
    // When it was revoked, by the control plane's clock, decides nothing.
    const token = create(RevokedTokenSchema, { issuer, tokenId, revokedAt: { seconds: 5000n }, ...effective });
    all.put(buildRevokedToken(`${issuer}/${tokenId}`, toBinary(RevokedTokenSchema, token)));
  }
  return all;
}

const claims = (value: object) => {
  const bytes = Buffer.from(JSON.stringify(value));
  return parseUniqueObject(bytes, bytes.length)!;
};

test.each([
  ['by its id, at once', 'sluice', { jti: 'a' }, 0],
  ['by its id, whatever secret it was exchanged for', 'sluice', { jti: 'a', sluice_key: 'none' }, 0],
  ['with all of its secret, from a time on', 'sluice', { jti: 'x', sluice_key: 's' }, 7_000],
  ['by the earlier of both', 'sluice', { jti: 'later', sluice_key: 's' }, 7_000],
  ['not, having another id and secret', 'sluice', { jti: 'b', sluice_key: 't' }, Number.POSITIVE_INFINITY],
  ["not, being another issuer's that says the same", 'other', { sluice_key: 's' }, Number.POSITIVE_INFINITY],
  ['not, having neither', 'sluice', {}, Number.POSITIVE_INFINITY],
  ['not, where id and secret are no texts', 'sluice', { jti: 1, sluice_key: ['s'] }, Number.POSITIVE_INFINITY],
])('a token is revoked %s', (_, issuer, token, fromMs) => {
  const revoked = revokedTokens(
    { issuer: 'sluice', tokenId: 'a' },
    { issuer: 'sluice', tokenId: 'later', fromSeconds: 9 },
    { issuer: 'sluice', tokenId: tokensOfSecret('s'), fromSeconds: 7 },
    { issuer: 'other', tokenId: tokensOfSecret('s') },
  );
  expect(revoked.fromMs(issuer, claims(token))).toBe(fromMs);
});

test('what is put again counts as it is then, and what is removed no longer', () => {
  const revoked = revokedTokens(
    { issuer: 'sluice', tokenId: tokensOfSecret('s'), fromSeconds: 7 },
    { issuer: 'sluice', tokenId: tokensOfSecret('s') },
  );
  expect(revoked.fromMs('sluice', claims({ sluice_key: 's' }))).toBe(0);
  revoked.remove('sluice/key:s');
  expect(revoked.fromMs('sluice', claims({ sluice_key: 's' }))).toBe(Number.POSITIVE_INFINITY);
});
