import { create } from '@bufbuild/protobuf';
import { toManifestValue } from '@sluice/engine';
import { parseManifests } from '@sluice/engine/manifest';
import { type ApiKey, ConsumerSchema, type RateLimitOverride, ResourceSchema } from '@sluice/proto';
import { InvalidArgumentError } from 'commander';

/** Reads one of a key's own limits, written as one of a Consumer's `rateLimits` is; it follows those read earlier. */
export function readRateLimit(text: string, earlier: readonly RateLimitOverride[] = []): readonly RateLimitOverride[] {
  const manifest = `kind: Consumer\nname: key\nspec:\n  rateLimits:\n    - ${text}\n`;
  const { documents, problems } = parseManifests(manifest, { file: '--rate-limit' });
  const [problem] = problems;
  if (problem !== undefined) {
    const field = problem.field.replace(/^spec\.rateLimits\[0\]\.?/, '');
    throw new InvalidArgumentError(`${field === '' ? '' : `${field}: `}${problem.message}; write ${EXAMPLE}`);
  }
  const spec = documents[0]?.resource.spec;
  const [limit, ...others] = spec?.case === 'consumer' ? spec.value.rateLimits : [];
  if (limit === undefined || others.length > 0 || documents.length > 1) {
    throw new InvalidArgumentError(`It is one limit; write ${EXAMPLE}`);
  }
  return [...earlier, limit];
}

/** The limits of a key as a Consumer has them written. Undefined: it has none. */
export function rateLimitsOf({ name, rateLimits }: ApiKey): unknown {
  if (rateLimits.length === 0) return undefined;
  const value = create(ConsumerSchema, { rateLimits });
  const { spec } = toManifestValue(create(ResourceSchema, { name, spec: { case: 'consumer', value } })) as {
    readonly spec?: { readonly rateLimits?: unknown };
  };
  return spec?.rateLimits;
}

const EXAMPLE = '{ name: LIMIT, tokenBucket: { requests: 1000, per: 1m } }';
