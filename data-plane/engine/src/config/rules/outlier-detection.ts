import type { Rule } from './rule.ts';

/** Endpoints that fail can be ejected. */
export const checkOutlierDetection: Rule = ({ spec }, report) => {
  if (spec.case !== 'service' || spec.value.outlierDetection?.maxEjectedPercent !== 0) return;
  report({
    severity: 'warning',
    field: 'spec.outlierDetection.maxEjectedPercent',
    message: 'is 0: no endpoint is ever ejected',
  });
};
