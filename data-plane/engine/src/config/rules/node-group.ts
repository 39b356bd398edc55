import type { Rule } from './rule.ts';

/** A group of nodes is known everywhere. */
export const checkNodeGroup: Rule = ({ nodeGroups, spec }, report) => {
  if (spec.case !== 'nodeGroup' || nodeGroups.length === 0) return;
  report({
    field: 'nodeGroups',
    message: 'a NodeGroup goes everywhere',
    remedy: 'remove nodeGroups',
  });
};
