import { generateKeyPairSync } from 'node:crypto';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { FetchedKeySetSchema, RevokedTokenSchema, SigningKeySchema } from '@sluice/proto';
import { describe, expect, test } from 'vitest';
import { encodeResource } from '../config/encode.ts';
import { parseManifests } from '../manifest/parse-manifests.ts';
import type { ActiveItem } from './active-set.ts';
import { KEY_SET_KIND } from './build-key-set.ts';
import { keySetMember, REVOKED_TOKEN_KIND, SIGNING_KEY_KIND } from './build-token-facts.ts';
import { buildItem } from './built-item.ts';
import { CannotBuild } from './cannot-build.ts';
import { Tables } from './tables.ts';

const none = () => 0;
const context = { group: 'default', slots: { route: none, service: none, endpoint: none, limit: none, policy: none } };
const curve = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });

class Rig {
  readonly tables = new Tables({ ...context, listeners: [] });

  put(...items: readonly (Omit<ActiveItem, 'unavailable'> | ActiveItem)[]): void {
    const upserts = items.map((item) => ({ unavailable: undefined, ...item }));
    this.tables.commit(this.tables.stage({ upserts, removals: [] }));
  }

  remove(kind: string, name: string): void {
    this.tables.commit(this.tables.stage({ upserts: [], removals: [{ kind, name }] }));
  }

  /** Whether an issuer knows a key by this id. */
  knows(issuer: string, keyId: string): boolean {
    return this.tables.issuer(issuer)?.keys?.find('ES256', keyId) !== undefined;
  }
}

function issuer(name: string, spec: object) {
  const { documents } = parseManifests(JSON.stringify({ kind: 'Issuer', name, spec }), { file: '' });
  return { kind: 'Issuer', name, content: encodeResource(documents[0]!.resource) };
}

const fetched = (name: string, url: string) =>
  issuer(name, { issuer: 'https://issuer.example/', algorithms: ['ES256'], jwks: { url } });

function keySet(name: string, url: string, ...keyIds: readonly string[]) {
  const document = JSON.stringify({ keys: keyIds.map((kid) => ({ ...curve(), kid })) });
  const content = toBinary(FetchedKeySetSchema, create(FetchedKeySetSchema, { issuer: name, url, document }));
  return { kind: KEY_SET_KIND, name, content };
}

function signingKey(keyId: string, more: MessageInitShape<typeof SigningKeySchema> = {}) {
  const key = create(SigningKeySchema, { keyId, algorithm: 'ES256', publicKey: JSON.stringify(curve()), ...more });
  return { kind: SIGNING_KEY_KIND, name: keyId, content: toBinary(SigningKeySchema, key) };
}

function revoked(name: string, issuerName: string, tokenId: string) {
  const content = toBinary(RevokedTokenSchema, create(RevokedTokenSchema, { issuer: issuerName, tokenId }));
  return { kind: REVOKED_TOKEN_KIND, name, content };
}

describe('the keys of an issuer', () => {
  const KEYS = 'https://issuer.example/keys';

  test('are not known before they were fetched, whichever of the two comes first', () => {
    for (const order of [0, 1]) {
      const rig = new Rig();
      const items = [fetched('a', KEYS), keySet('a', KEYS, 'k')];
      rig.put(items[order]!);
      expect(rig.tables.issuer('a')?.keys).toBeUndefined();
      rig.put(items[1 - order]!);
      expect(rig.knows('a', 'k')).toBe(true);
    }
  });

  test('are those that were fetched last, and none once they come from elsewhere', () => {
    const rig = new Rig();
    rig.put(fetched('a', KEYS), keySet('a', KEYS, 'k'));
    rig.put(keySet('a', KEYS, 'l'));
    expect([rig.knows('a', 'k'), rig.knows('a', 'l')]).toEqual([false, true]);
    rig.put(fetched('a', 'https://other.example/keys'));
    expect(rig.tables.issuer('a')?.keys).toBeUndefined();
    rig.put(keySet('a', 'https://other.example/keys', 'm'));
    expect(rig.knows('a', 'm')).toBe(true);
  });

  test('go with it', () => {
    const rig = new Rig();
    rig.put(fetched('a', KEYS), keySet('a', KEYS, 'k'));
    rig.remove('Issuer', 'a');
    expect(rig.tables.issuer('a')).toBeUndefined();
    rig.put(fetched('a', KEYS));
    expect(rig.tables.issuer('a')?.keys).toBeUndefined();
  });

  test('that are no set are not taken', () => {
    const content = toBinary(FetchedKeySetSchema, create(FetchedKeySetSchema, { issuer: 'a', document: '[]' }));
    const built = buildItem({ kind: KEY_SET_KIND, name: 'a', content }, context);
    expect(built).toBeInstanceOf(CannotBuild);
    expect((built as CannotBuild).message).toContain('its key set is no JSON Web Key Set');
  });
});

describe('the built-in issuer', () => {
  test('has the keys that were made for it, configured or not', () => {
    const rig = new Rig();
    expect(rig.tables.issuer('sluice')?.issuer).toBe('sluice');
    rig.put(signingKey('one'), signingKey('two'));
    expect([rig.knows('sluice', 'one'), rig.knows('sluice', 'two')]).toEqual([true, true]);
    rig.put(issuer('sluice', { issuer: 'https://gateway.example/', signing: {} }));
    expect(rig.tables.issuer('sluice')?.issuer).toBe('https://gateway.example/');
    rig.remove(SIGNING_KEY_KIND, 'one');
    expect([rig.knows('sluice', 'one'), rig.knows('sluice', 'two')]).toEqual([false, true]);
    rig.remove('Issuer', 'sluice');
    expect([rig.tables.issuer('sluice')?.issuer, rig.knows('sluice', 'two')]).toEqual(['sluice', true]);
  });

  test('publishes a key for its one algorithm, and takes none that is no public key for one', () => {
    const { content } = signingKey('one');
    expect(keySetMember({ keyId: 'one', algorithm: 'ES256', publicKey: '{"kty":"EC"}' } as never)).toEqual({
      ...{ kty: 'EC', kid: 'one', alg: 'ES256', use: 'sig' },
    });
    expect(buildItem({ kind: SIGNING_KEY_KIND, name: 'one', content }, context)).toMatchObject({ name: 'one' });
    for (const more of [{ algorithm: 'RS256' }, { publicKey: '{"kty":"oct","k":"AA"}' }]) {
      const built = buildItem(signingKey('one', more), context);
      expect(built).toBeInstanceOf(CannotBuild);
      expect((built as CannotBuild).message).toContain('it is no public key');
    }
  });
});

const isRevoked = ({ tables }: Rig, name: string, claims: object) =>
  tables.revokedFromMs(name, claims as never) < Number.POSITIVE_INFINITY;

test('a token is revoked by the id it has of its issuer, until that is forgotten', () => {
  const rig = new Rig();
  expect(isRevoked(rig, 'a', { jti: 't' })).toBe(false);
  rig.put(revoked('one', 'a', 't'), revoked('two', 'b', 'u'));
  const asked = [
    ['a', 't'],
    ['b', 'u'],
    ['a', 'u'],
    ['b', 't'],
  ] as const;
  const found = () => asked.map(([name, jti]) => isRevoked(rig, name, { jti }));
  expect(found()).toEqual([true, true, false, false]);
  for (const claims of [{}, { jti: 7 }, { jti: ['t'] }]) expect(isRevoked(rig, 'a', claims)).toBe(false);
  rig.remove(REVOKED_TOKEN_KIND, 'one');
  rig.remove(REVOKED_TOKEN_KIND, 'never there');
  expect(found()).toEqual([false, true, false, false]);
});
