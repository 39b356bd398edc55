import { create } from '@bufbuild/protobuf';
import type { Problem } from '@sluice/engine';
import type { ConfigIndex } from '@sluice/engine/config-index';
import { type ApiKey, ConsumerSchema, ResourceSchema } from '@sluice/proto';
import { apiKeyKind } from '../state/fact-track.ts';

/**
 * What is wrong with a key's overrides of limits: they obey the same rules as those of its consumer, so the engine is asked about that one
 * with the key's.
 */
export function findOverrideProblems(index: ConfigIndex, key: ApiKey): Problem[] {
  const consumer = index.get(`Consumer/${key.consumer}`)?.resource;
  if (consumer?.spec.case !== 'consumer' || key.rateLimits.length === 0) return [];
  const value = create(ConsumerSchema, { ...consumer.spec.value, rateLimits: key.rateLimits });
  const probe = create(ResourceSchema, { ...consumer, spec: { case: 'consumer', value } });
  return index
    .check({ upserts: [probe], removals: [] })
    .problems.filter(
      ({ severity, kind, name, field }) =>
        severity === 'error' && kind === 'Consumer' && name === key.consumer && field.startsWith('spec.rateLimits'),
    )
    .map((problem) => ({
      ...problem,
      kind: apiKeyKind,
      name: key.name,
      field: problem.field.replace(/^spec\./, ''),
    }));
}
