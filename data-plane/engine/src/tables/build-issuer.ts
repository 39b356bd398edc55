import { createSecretKey } from 'node:crypto';
import type { Issuer, Secret } from '@sluice/proto';
import { UnknownConsumer } from '@sluice/proto';
import type { IssuerKeys, VerificationKey } from '../jwt/token-issuer.ts';
import type { ItemSecret } from './built-item.ts';
import { CannotBuild } from './cannot-build.ts';
import type { IssuerPlan } from './plan.ts';
import { durationMs } from './read-duration.ts';

export interface BuiltIssuer {
  readonly kind: 'Issuer';
  readonly name: string;
  readonly plan: IssuerPlan;
}

export function buildIssuer(name: string, issuer: Issuer, secrets: readonly ItemSecret[]): BuiltIssuer {
  const { consumer, scopes, groups, audiences, algorithms } = issuer;
  if (algorithms.length === 0) throw new CannotBuild('no algorithm is accepted');
  const plan: IssuerPlan = {
    name,
    issuer: issuer.issuer,
    audiences,
    algorithms: new Set(algorithms),
    toleranceSeconds: durationMs(issuer.clockTolerance, 30_000) / 1000,
    keys: buildKeys(issuer.keySource, secrets),
    consumer: consumer && { claim: consumer.claim, admitsUnknown: consumer.unknown === UnknownConsumer.ANONYMOUS },
    scopesClaim: scopes?.claim ?? 'scope',
    groupsClaim: groups?.claim ?? 'groups',
  };
  return { kind: 'Issuer', name, plan };
}

function buildKeys(source: Issuer['keySource'], secrets: readonly ItemSecret[]): IssuerKeys {
  switch (source.case) {
    case 'secret':
      return sharedKey(readSecret(source.value, secrets));
    case 'keys':
    case 'jwks':
    case 'signing':
    case undefined:
      throw new CannotBuild(`keys by ${source.case ?? 'nothing'} are not known to this version of the node`);
    default:
      return source satisfies never;
  }
}

const HMAC_ALGORITHMS: ReadonlySet<string> = new Set(['HS256', 'HS384', 'HS512']);

/** One key for all tokens, whatever key they name. */
function sharedKey(secret: string): IssuerKeys {
  const key: VerificationKey = {
    algorithms: HMAC_ALGORITHMS,
    key: createSecretKey(Buffer.from(secret)),
  };
  return { find: () => key };
}

/** The secret without the end of its last line, which files have. */
function readSecret({ source }: Secret, secrets: readonly ItemSecret[]): string {
  const value =
    source.case === 'unchanged'
      ? secrets.find(({ field, fingerprint }) => field === 'spec.secret' && fingerprint === source.value)?.value
      : source.value;
  const secret = value?.replace(/\r?\n$/, '') ?? '';
  if (secret === '') throw new CannotBuild('its secret did not come with it');
  return secret;
}
