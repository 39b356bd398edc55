import { PolicyMode } from '@sluice/proto';
import type { Rule } from './rule.ts';

/** A dry run covers what it can: the rest would be enforced, which is not what was asked for. */
export const checkMode: Rule = ({ spec }, report) => {
  if ((spec.case !== 'policy' && spec.case !== 'route') || spec.value.mode !== PolicyMode.DRY_RUN) return;
  const { rateLimits, validation } = spec.value;
  const beyond = rateLimits.length > 0 ? 'rateLimits' : validation === undefined ? undefined : 'validation';
  if (beyond === undefined) return;
  report({
    field: 'spec.mode',
    message: `dryRun of ${beyond} is not supported by this version`,
    remedy: `put ${beyond} into a policy of its own`,
  });
};
