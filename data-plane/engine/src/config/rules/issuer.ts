import type { Issuer, Jwks } from '@sluice/proto';
import { parseKeySet } from '../../jwt/key-set.ts';
import { SECRET_BYTES, secretBytes } from '../../jwt/shared-key.ts';
import { BUILT_IN_ISSUER } from '../../tables/built-in-issuer.ts';
import type { Report } from '../problem.ts';
import type { Rule } from './rule.ts';

/** An issuer accepts algorithms of its sort of key alone: a public key is nobody's shared secret. */
export const checkIssuer: Rule = ({ name, spec }, report) => {
  if (spec.case !== 'issuer') return;
  const { keySource, algorithms, audiences } = spec.value;
  if (keySource.case === undefined) return;
  const isBuiltIn = keySource.case === 'signing';
  if (isBuiltIn !== (name === BUILT_IN_ISSUER)) {
    const message = isBuiltIn
      ? `is only for the built-in issuer, "${BUILT_IN_ISSUER}"`
      : 'the built-in issuer signs itself';
    report({
      field: `spec.${keySource.case}`,
      message,
      ...(isBuiltIn ? {} : { remedy: 'write signing: {}, or choose another name' }),
    });
  }
  if (isBuiltIn && algorithms.length > 0) {
    report({ field: 'spec.algorithms', message: 'is not for the built-in issuer: its keys say what they are for' });
    return;
  }
  if (!isBuiltIn && algorithms.length === 0) {
    report({ field: 'spec.algorithms', message: 'must name the algorithms that are accepted' });
  }
  checkAlgorithms(spec.value, report);
  audiences.forEach((audience, i) => {
    if (audience === '') report({ field: `spec.audiences[${i}]`, message: 'must not be empty' });
  });
  if (keySource.case === 'keys') checkKeySet(keySource.value.source.value ?? '', algorithms, report);
  if (keySource.case === 'jwks') checkAddress(keySource.value, report);
};

/** A secret is long enough for its algorithms. To be asked where the secret is still written out: before it is sealed. */
export const checkIssuerSecret: Rule = ({ spec }, report) => {
  if (spec.case !== 'issuer' || spec.value.keySource.case !== 'secret') return;
  const { source } = spec.value.keySource.value;
  if (source.case !== 'inline') return;
  const { length } = secretBytes(source.value);
  const needed = spec.value.algorithms.map((algorithm) => [algorithm, SECRET_BYTES.get(algorithm) ?? 0] as const);
  const short = needed.find(([, bytes]) => length < bytes);
  if (short === undefined) return;
  const [algorithm, bytes] = short;
  report({
    field: 'spec.secret',
    message: `${algorithm} needs a secret of at least ${bytes} bytes, and this has ${length}`,
  });
};

function checkKeySet(text: string, algorithms: readonly string[], report: Report): void {
  const set = parseKeySet(text);
  if (typeof set === 'string') {
    report({ field: 'spec.keys', message: `the text ${set}` });
    return;
  }
  for (const problem of set.problems) report({ field: 'spec.keys', message: problem });
  algorithms.forEach((algorithm, i) => {
    if (set.algorithms.has(algorithm) || set.problems.length > 0 || algorithm.startsWith('HS')) return;
    report({ field: `spec.algorithms[${i}]`, message: `no key of spec.keys is for ${algorithm}` });
  });
}

/** Keys that anyone on the way could replace protect nothing. */
function checkAddress({ url, allowHttp }: Jwks, report: Report): void {
  const parsed = URL.parse(url);
  const scheme = parsed?.protocol;
  if (parsed !== null && parsed.username + parsed.password + parsed.hash !== '') {
    report({ field: 'spec.jwks.url', message: 'must be without a user, a password and a fragment: it is no secret' });
    return;
  }
  if (scheme === 'https:' || (scheme === 'http:' && allowHttp)) return;
  const message = scheme === 'http:' ? 'must be an https address' : 'must be an address: https://...';
  report({ field: 'spec.jwks.url', message, ...(scheme === 'http:' && { remedy: 'or set allowHttp: true' }) });
}

function checkAlgorithms({ keySource, algorithms }: Issuer, report: Report): void {
  algorithms.forEach((algorithm, i) => {
    const isShared = algorithm.startsWith('HS');
    if (isShared === (keySource.case === 'secret')) return;
    const field = `spec.algorithms[${i}]`;
    if (isShared) report({ field, message: `${algorithm} needs a secret, and ${keySource.case} holds public keys` });
    else report({ field, message: `${algorithm} needs public keys, and there is a secret` });
  });
}
