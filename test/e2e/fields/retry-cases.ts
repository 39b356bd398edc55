import { elapsedMs, type FieldCase, statuses, type World } from './field-case.ts';
import { service } from './service-case.ts';

/** How many tries the origin sees of a request whose answer is always 503. */
const tries =
  (request: Parameters<World['ask']>[0] = {}) =>
  async ({ ask, origin }: World): Promise<number> => {
    origin.reply = () => ({ status: 503 });
    const before = origin.requests.length;
    await ask(request);
    return origin.requests.length - before;
  };

const quick = { backoff: { base: '1ms', max: '1ms' } };

export const retryCases: readonly FieldCase[] = [
  service(['Service.retry'], {}, { retry: quick }, { observe: tries(), was: 1, is: 2 }),
  service(
    ['Retry.attempts'],
    { retry: { ...quick, attempts: 1 } },
    { retry: { ...quick, attempts: 3 } },
    { observe: tries(), was: 2, is: 4 },
  ),
  service(
    ['Retry.on'],
    { retry: { ...quick, on: [503] } },
    { retry: { ...quick, on: [502] } },
    { observe: tries(), was: 2, is: 1 },
  ),
  service(
    ['Retry.methods'],
    { retry: { ...quick, methods: ['GET'] } },
    { retry: { ...quick, methods: ['POST'] } },
    {
      observe: tries({ method: 'POST', body: 'x' }),
      was: 1,
      is: 2,
    },
  ),
  service(
    ['Retry.buffer_bytes'],
    { retry: { ...quick, bufferBytes: '4KiB' } },
    { retry: { ...quick, bufferBytes: '1KiB' } },
    {
      observe: tries({ method: 'PUT', body: 'x'.repeat(2_000) }),
      was: 2,
      is: 1,
    },
  ),
  service(
    ['Retry.per_try_timeout'],
    { retry: { ...quick, on: ['timeout'], perTryTimeout: '4s' } },
    { retry: { ...quick, on: ['timeout'], perTryTimeout: '150ms' } },
    {
      observe: async ({ ask, origin }) => {
        const before = origin.requests.length;
        origin.reply = () => (origin.requests.length - before === 1 ? { delayMs: 400 } : {});
        await ask();
        return origin.requests.length - before;
      },
      was: 1,
      is: 2,
    },
  ),
  service(
    ['Retry.backoff', 'Backoff.base'],
    { retry: { attempts: 6, budgetPercent: 100, backoff: { base: '1ms', max: '600ms' } } },
    { retry: { attempts: 6, budgetPercent: 100, backoff: { base: '600ms', max: '600ms' } } },
    // Six waits, each at random up to its most: 63 ms together at the most, or 1.8 s on average.
    { observe: async (world) => (await elapsedMs(() => tries()(world))) > 300, was: false, is: true },
  ),
  service(
    ['Backoff.max'],
    { retry: { attempts: 6, budgetPercent: 100, backoff: { base: '500ms', max: '1ms' } } },
    { retry: { attempts: 6, budgetPercent: 100, backoff: { base: '500ms', max: '600ms' } } },
    { observe: async (world) => (await elapsedMs(() => tries()(world))) > 300, was: false, is: true },
  ),
  service(
    ['Retry.budget_percent'],
    { retry: { ...quick, attempts: 1, budgetPercent: 100 } },
    { retry: { ...quick, attempts: 1, budgetPercent: 0 } },
    {
      observe: async (world) => {
        world.origin.reply = () => ({ status: 503 });
        const before = world.origin.requests.length;
        await statuses(world, 100);
        return world.origin.requests.length - before > 170;
      },
      was: true,
      is: false,
    },
  ),
];
