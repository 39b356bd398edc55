import type { Rule } from './rule.ts';

/** Each entry of a fallback chain can be reached, and is there once. */
export const checkFallback: Rule = ({ spec }, report) => {
  if (spec.case !== 'service') return;
  const first = new Map<string, number>();
  let fixed: number | undefined;
  spec.value.fallback.forEach(({ answer }, i) => {
    const field = `spec.fallback[${i}]`;
    const what = answer.case === 'service' ? `service ${answer.value}` : answer.case;
    const earlier = what === undefined ? undefined : first.get(what);
    if (fixed !== undefined) {
      report({ field, message: `is never reached: fallback[${fixed}] always answers`, remedy: 'put it before that' });
    } else if (earlier !== undefined) report({ field, message: `is fallback[${earlier}] already` });
    if (what !== undefined && earlier === undefined) first.set(what, i);
    if (answer.case === 'response') fixed ??= i;
  });
};
