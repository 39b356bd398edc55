import type { FieldCase, Spec } from './field-case.ts';

const route: FieldCase['others'] = {
  'Route/r': { spec: { match: [{ path: { prefix: '/' } }], service: 's', policies: ['p'] } },
};
/** A field of a policy that all requests pass. */
export const policy = (
  proves: readonly string[],
  from: Spec,
  to: Spec,
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => ({
  proves,
  key: 'Policy/p',
  from: { spec: from },
  to: { spec: to },
  others: route,
  ...rest,
});
