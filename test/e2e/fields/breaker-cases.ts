import { waitFor } from '../../harness/wait-for.ts';
import { type FieldCase, happens, type Spec, type World } from './field-case.ts';
import { service } from './service-case.ts';

const breaker = (extra: Spec): Spec => ({
  circuitBreaker: { consecutiveFailures: 2, openFor: '1h', halfOpenRequests: 1, ...extra },
});

const errorRate = (rate: Spec): Spec => ({
  circuitBreaker: { errorRate: rate, openFor: '1h', halfOpenRequests: 1 },
});

/** Fails until the breaker is open; how many requests reached the origin. */
async function openBreaker({ ask, origin }: World): Promise<number> {
  origin.reply = () => ({ status: 500 });
  const before = origin.requests.length;
  await waitFor('the breaker opens', async () => (await ask()).header('content-type') === 'application/problem+json');
  return origin.requests.length - before;
}

export const breakerCases: readonly FieldCase[] = [
  service(
    ['Service.circuit_breaker', 'CircuitBreaker.consecutive_failures'],
    breaker({}),
    breaker({ consecutiveFailures: 4 }),
    {
      observe: openBreaker,
      was: 2,
      is: 4,
    },
  ),
  service(
    ['CircuitBreaker.error_rate', 'ErrorRate.minimum_requests'],
    errorRate({ percent: 100, minimumRequests: 4 }),
    errorRate({ percent: 100, minimumRequests: 8 }),
    { observe: openBreaker, was: 4, is: 8 },
  ),
  service(
    ['ErrorRate.percent'],
    errorRate({ percent: 60, minimumRequests: 4 }),
    errorRate({ percent: 40, minimumRequests: 4 }),
    {
      observe: async ({ ask, origin }) => {
        const before = origin.requests.length;
        origin.reply = () => ({ status: (origin.requests.length - before) % 2 === 0 ? 500 : 200 });
        for (let index = 0; index < 12; index++) await ask();
        return origin.requests.length - before;
      },
      was: 12,
      is: 4,
    },
  ),
  service(
    ['ErrorRate.window'],
    errorRate({ percent: 100, minimumRequests: 2, window: '10m' }),
    errorRate({ percent: 100, minimumRequests: 2, window: '1s' }),
    {
      observe: async ({ ask, origin }) => {
        origin.reply = () => ({ status: 500 });
        await ask();
        const since = performance.now();
        await waitFor('the shorter window is over', () => performance.now() - since > 2_500);
        await ask();
        return (await ask()).status;
      },
      was: 503,
      is: 500,
    },
  ),
  service(['CircuitBreaker.open_for'], breaker({ openFor: '1h' }), breaker({ openFor: '100ms' }), {
    observe: async (world) => {
      await openBreaker(world);
      world.origin.reply = () => ({});
      return await happens(world.expected === true, async () => (await world.ask()).status === 200);
    },
    was: false,
    is: true,
  }),
  service(
    ['CircuitBreaker.half_open_requests'],
    breaker({ openFor: '50ms' }),
    breaker({ openFor: '50ms', halfOpenRequests: 3 }),
    {
      observe: async (world) => {
        await openBreaker(world);
        const { promise, resolve } = Promise.withResolvers<void>();
        world.origin.reply = async () => {
          await promise;
          return {};
        };
        const before = world.origin.requests.length;
        const probes = (): number => world.origin.requests.length - before;
        const answers: Promise<unknown>[] = [];
        let answered = 0;
        const ask = (): void => {
          const answer = world.ask().catch(() => undefined);
          answers.push(answer.then(() => answered++));
        };
        await waitFor('a probe is let through', () => {
          ask();
          return probes() > 0;
        });
        for (let index = 0; index < 10; index++) ask();
        await waitFor('what is not refused is at the origin', () => answered + probes() === answers.length);
        const admitted = probes();
        resolve();
        await Promise.all(answers);
        return admitted;
      },
      was: 1,
      is: 3,
    },
  ),
];
