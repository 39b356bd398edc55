import type { Rule } from './rule.ts';

/** Destinations name each service once, and some of them get requests. */
export const checkDestinations: Rule = ({ spec }, report) => {
  if (spec.case !== 'route') return;
  const { destinations, stickyBy } = spec.value;
  const first = new Map<string, number>();
  destinations.forEach(({ service }, i) => {
    const earlier = first.get(service);
    if (earlier === undefined) first.set(service, i);
    else {
      report({
        field: `spec.destinations[${i}].service`,
        message: `${service} is destinations[${earlier}] already`,
        remedy: 'give it one entry with the sum of the weights',
      });
    }
  });
  if (destinations.length > 0 && destinations.every(({ weight }) => weight === 0)) {
    report({ field: 'spec.destinations', message: 'every weight is 0: no request could go anywhere' });
  }
  if (stickyBy.length > 0 && destinations.length === 0) {
    report({ field: 'spec.stickyBy', message: 'has no effect without destinations', remedy: 'remove it' });
  }
};
