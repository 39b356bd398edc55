import type { Rule } from './rule.ts';

/** A probe has a path that can be asked for and statuses that can be met. */
export const checkHealthCheck: Rule = ({ spec }, report) => {
  if (spec.case !== 'service' || spec.value.healthCheck === undefined) return;
  const { probe } = spec.value.healthCheck;
  if (probe.case !== 'http') return;
  const { path, statuses } = probe.value;
  if (path !== '' && !/^\/[\x21-\x22\x24-\x7e]*$/.test(path)) {
    report({
      field: 'spec.healthCheck.http.path',
      message: 'must begin with "/" and hold only visible ASCII, without "#"',
    });
  }
  statuses.forEach((text, i) => {
    const [from = '', to = from] = text.split('-');
    if (Number(from) > Number(to)) {
      report({ field: `spec.healthCheck.http.statuses[${i}]`, message: `${text} is an empty range` });
    }
  });
};
