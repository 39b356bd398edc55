import { isHeaderName } from './reserved-headers.ts';
import type { Rule } from './rule.ts';

/** Rehearsed failures do something, and are left out where no request gets as far. */
export const checkFaults: Rule = ({ spec }, report) => {
  if (spec.case !== 'route' || spec.value.faults === undefined) return;
  const { faults, redirect, respond } = spec.value;
  if (faults.delay === undefined && faults.abort === undefined) {
    report({ field: 'spec.faults', message: 'rehearses nothing', remedy: 'give delay or abort' });
  }
  if (redirect !== undefined) {
    report({ field: 'spec.faults', message: 'has no effect on redirects', remedy: 'remove it' });
  }
  if (faults.delay !== undefined && respond !== undefined) {
    report({
      field: 'spec.faults.delay',
      message: 'delays what goes to a service, and nothing does',
      remedy: 'remove it',
    });
  }
  if (faults.when !== undefined && faults.when.header === '') {
    report({ field: 'spec.faults.when.header', message: 'is missing', remedy: 'name a header, or leave out when' });
  } else if (faults.when !== undefined && !isHeaderName(faults.when.header)) {
    report({ field: 'spec.faults.when.header', message: 'must be a header name' });
  }
};
