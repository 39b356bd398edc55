import type { Issuer, Secret } from '@sluice/proto';
import { UnknownConsumer } from '@sluice/proto';
import { parseKeySet } from '../jwt/key-set.ts';
import { SECRET_BYTES, secretBytes, sharedKey } from '../jwt/shared-key.ts';
import type { IssuerKeys } from '../jwt/token-issuer.ts';
import { BUILT_IN_ISSUER, builtInIssuer, SIGNING_ALGORITHMS } from './built-in-issuer.ts';
import type { ItemSecret } from './built-item.ts';
import type { IssuerPlan } from './caller-plan.ts';
import { CannotBuild } from './cannot-build.ts';
import { durationMs } from './read-duration.ts';

export interface BuiltIssuer {
  readonly kind: 'Issuer';
  readonly name: string;
  /** Without keys where they are fetched: those are joined to it when they are there. */
  readonly plan: IssuerPlan;
  /** Where its keys are fetched. Undefined: they are not. */
  readonly keySet: KeySetSource | undefined;
}

/** Where a key set is, and how often it is looked at. */
export interface KeySetSource {
  readonly url: string;
  readonly refreshMs: number;
}

export function buildIssuer(name: string, issuer: Issuer, secrets: readonly ItemSecret[]): BuiltIssuer {
  const { consumer, scopes, groups, audiences, algorithms, keySource } = issuer;
  const isBuiltIn = keySource.case === 'signing';
  if (algorithms.length === 0 && !isBuiltIn) throw new CannotBuild('no algorithm is accepted');
  if (isBuiltIn !== (name === BUILT_IN_ISSUER))
    throw new CannotBuild(`only the issuer ${BUILT_IN_ISSUER} signs itself`);
  const plan: IssuerPlan = {
    name,
    issuer: issuer.issuer,
    audiences,
    algorithms: new Set(isBuiltIn ? SIGNING_ALGORITHMS : algorithms),
    toleranceSeconds: durationMs(issuer.clockTolerance, 30_000) / 1000,
    keys: buildKeys(issuer, secrets),
    isFetched: keySource.case === 'jwks',
    consumer:
      consumer === undefined && isBuiltIn
        ? builtInIssuer.consumer
        : consumer && { claim: consumer.claim, admitsUnknown: consumer.unknown === UnknownConsumer.ANONYMOUS },
    scopesClaim: scopes?.claim ?? 'scope',
    groupsClaim: groups?.claim ?? 'groups',
  };
  const jwks = keySource.case === 'jwks' ? keySource.value : undefined;
  const keySet = jwks && { url: jwks.url, refreshMs: durationMs(jwks.refresh, 600_000) };
  return { kind: 'Issuer', name, plan, keySet };
}

function buildKeys({ keySource: source, algorithms }: Issuer, secrets: readonly ItemSecret[]): IssuerKeys | undefined {
  switch (source.case) {
    case 'secret':
      return sharedKey(longEnough(readSecret(source.value, secrets), algorithms));
    case 'keys':
      return publicKeys(source.value.source.value ?? '');
    case 'jwks':
    case 'signing':
      return undefined;
    case undefined:
      throw new CannotBuild(`keys by ${source.case ?? 'nothing'} are not known to this version of the node`);
    default:
      return source satisfies never;
  }
}

/** What is weak or wrong in it was refused when it was applied; a version that is stricter holds it. */
function publicKeys(text: string): IssuerKeys {
  const set = parseKeySet(text);
  if (typeof set === 'string') throw new CannotBuild(`its key set ${set}`);
  if (set.problems.length > 0) throw new CannotBuild(`its key set: ${set.problems.join('; ')}`);
  return set.keys;
}

function readSecret({ source }: Secret, secrets: readonly ItemSecret[]): Buffer {
  const value =
    source.case === 'unchanged'
      ? secrets.find(({ field, fingerprint }) => field === 'spec.secret' && fingerprint === source.value)?.value
      : source.value;
  if (value === undefined) throw new CannotBuild('its secret did not come with it');
  return secretBytes(value);
}

/** No token of an algorithm that the secret is too short for would be accepted. */
function longEnough(secret: Buffer, algorithms: readonly string[]): Buffer {
  const short = algorithms.find((algorithm) => secret.length < (SECRET_BYTES.get(algorithm) ?? 0));
  if (short === undefined) return secret;
  throw new CannotBuild(`its secret is too short for ${short}: ${SECRET_BYTES.get(short)} bytes are needed`);
}
