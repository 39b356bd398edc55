/** The JOSE vectors of Wycheproof, where they lie beside the project: none that is marked invalid is accepted. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseKeySet } from './key-set.ts';
import { sharedKey } from './shared-key.ts';
import type { IssuerKeys } from './token-issuer.ts';
import { isSignedBy } from './verify-token.ts';

const directory = join(import.meta.dirname, '../../../../../shared/data/wycheproof');
const names = ['json_web_signature_test', 'json_web_key_test', 'json_web_crypto_test'];
const isThere = existsSync(directory);
if (!isThere) console.log('skipped: the Wycheproof vectors are not beside the project');

type Key = Readonly<Record<string, unknown>>;
interface Group {
  readonly comment: string;
  readonly private: Key;
  readonly public?: Key;
  readonly tests: readonly { tcId: number; comment: string; jws?: unknown; result: string; flags: readonly string[] }[];
}

/** Vectors marked valid, or harmless, that are refused here, and why. */
const STRICTER: Readonly<Record<string, string>> = {
  'json_web_signature_test 346': 'the key says that it is for PS256 alone',
  'json_web_signature_test 350': 'the key says that it is for PS256 alone',
  'json_web_signature_test 347': 'the key says that it is for ES521, which there is not',
  'json_web_signature_test 351': 'the key says that it is for ES521, which there is not',
  'json_web_signature_test 372': 'a character that is none of base64url',
  'json_web_signature_test 373': 'a character that is none of base64url',
  'json_web_key_test 2': 'an issuer has one secret, not a set of them',
  'json_web_crypto_test 48': 'an issuer has one secret, not a set of them',
};

describe.runIf(isThere)('of Wycheproof', () => {
  test.each(names)('%s: nothing invalid is accepted, and what is valid is but for what is weak', (name) => {
    const { testGroups } = JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8')) as { testGroups: Group[] };
    const accepted: string[] = [];
    const refused: string[] = [];
    for (const group of testGroups) {
      for (const { tcId, comment, jws, result } of group.tests) {
        // Other serializations than the compact one.
        if (typeof jws !== 'string') continue;
        const isAccepted = acceptors(group).some((issuer) => isSignedBy(issuer, jws));
        const label = `${tcId} ${group.comment} ${comment}`;
        // Two are letter for letter what another vector of their key calls valid.
        const isTwin = group.tests.some((other) => other.result === 'valid' && other.jws === jws);
        if (isAccepted && result !== 'valid' && !isTwin) accepted.push(label);
        if (!isAccepted && result === 'valid') refused.push(label);
      }
    }
    expect(accepted).toEqual([]);
    const expected = Object.keys(STRICTER).filter((key) => key.startsWith(name));
    expect(refused.map((label) => `${name} ${label.split(' ')[0]}`)).toEqual(expected.sort());
  });
});

/** The keys of a group as an issuer of ours could have them, with each algorithm they are for alone: that is how issuers are set up. */
function acceptors({ private: own, public: published }: Group): { algorithms: Set<string>; keys: IssuerKeys }[] {
  const jwks = (published ?? own) as Key;
  const members = (Array.isArray(jwks.keys) ? jwks.keys : [jwks]) as Key[];
  const shared = members.filter(({ kty }) => kty === 'oct');
  if (shared.length > 0) {
    // An issuer has either one secret or public keys.
    if (members.length > 1) return [];
    const [{ k, alg, use }] = shared as [Key];
    if (use !== undefined && use !== 'sig') return [];
    const algorithms = new Set([typeof alg === 'string' ? alg : 'HS256']);
    return [{ algorithms, keys: sharedKey(Buffer.from(String(k), 'base64url')) }];
  }
  const set = parseKeySet(JSON.stringify({ keys: members }));
  if (typeof set === 'string' || set.problems.length > 0) return [];
  return [...set.algorithms].map((algorithm) => ({ algorithms: new Set([algorithm]), keys: set.keys }));
}
