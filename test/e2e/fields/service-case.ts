import type { FieldCase, Spec, World } from './field-case.ts';

export const service = (
  proves: readonly string[],
  from: Spec,
  to: Spec,
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => ({
  proves,
  key: 'Service/s',
  from: { spec: { endpoints: [{ address: 'ORIGIN' }], ...from } },
  to: { spec: { endpoints: [{ address: 'ORIGIN' }], ...to } },
  ...rest,
});

export const BOTH = [{ address: 'ORIGIN' }, { address: 'OTHER' }];

/** Which origins answered so many requests, counted. */
export const shares = async (
  { ask, origin, other }: World,
  count: number,
): Promise<{ main: number; other: number }> => {
  const before = [origin.requests.length, other.requests.length] as const;
  for (let index = 0; index < count; index++) await ask();
  return { main: origin.requests.length - before[0], other: other.requests.length - before[1] };
};

/** A service of its own with two endpoints: what is known of an endpoint outlives changes, and so the case before. */
export const pair = (
  proves: readonly string[],
  name: string,
  from: Spec,
  to: Spec,
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => {
  const spec = { endpoints: [{ address: 'ORIGIN' }, { address: 'OTHER' }] };
  return {
    proves,
    key: `Service/${name}`,
    from: {
      spec: { ...spec, ...from, loadBalancing: { roundRobin: {}, panicPercent: 0, ...(from.loadBalancing as Spec) } },
    },
    to: { spec: { ...spec, ...to, loadBalancing: { roundRobin: {}, panicPercent: 0, ...(to.loadBalancing as Spec) } } },
    others: { 'Route/r': { spec: { match: [{ path: { prefix: '/' } }], service: name } } },
    ...rest,
  };
};
