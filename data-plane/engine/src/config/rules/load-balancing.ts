import type { Report } from '../problem.ts';
import { isConsumerHeader, isFramingHeader } from './reserved-headers.ts';
import type { Rule } from './rule.ts';

/** What balances by a hash is what tells requests apart, and nothing beside it that a hash cannot do. */
export const checkLoadBalancing: Rule = ({ spec }, report) => {
  if (spec.case === 'route') checkHashedBy(spec.value.stickyBy, 'spec.stickyBy', report);
  if (spec.case !== 'service') return;
  const { loadBalancing } = spec.value;
  if (loadBalancing?.algorithm.case !== 'consistentHash') return;
  checkHashedBy(loadBalancing.algorithm.value.by, 'spec.loadBalancing.consistentHash.by', report);
  if (loadBalancing.slowStart !== undefined) {
    report({
      field: 'spec.loadBalancing.slowStart',
      message: 'has no effect with consistentHash: an endpoint takes what is its own at once',
      remedy: 'remove it',
    });
  }
};

function checkHashedBy(by: readonly string[], field: string, report: Report): void {
  const seen = new Map<string, string>();
  by.forEach((part, i) => {
    if (!part.startsWith('header:')) return;
    const at = `${field}[${i}]`;
    const header = part.slice('header:'.length);
    const earlier = seen.get(header.toLowerCase());
    if (earlier !== undefined) report({ field: at, message: `${part} is there as ${earlier} already` });
    seen.set(header.toLowerCase(), part);
    if (isFramingHeader(header)) report({ field: at, message: `${header} does not tell requests apart` });
    if (isConsumerHeader(header)) {
      report({ field: at, message: `${header} is what the client says, of whom it likes`, remedy: 'use consumer' });
    }
  });
}
