import { PolicyMode } from '@sluice/proto';
import type { Rule } from './rule.ts';

/** A dry run covers what it can: the rest would be enforced, which is not what was asked for. */
export const checkMode: Rule = ({ spec }, report) => {
  if ((spec.case !== 'policy' && spec.case !== 'route') || spec.value.mode !== PolicyMode.DRY_RUN) return;
  if (spec.value.validation === undefined) return;
  report({
    field: 'spec.mode',
    message: 'dryRun of validation is not supported by this version',
    remedy: 'put validation into a policy of its own',
  });
};
