import { waitFor } from '../../harness/wait-for.ts';
import { type FieldCase, happens, isAnswered, type World } from './field-case.ts';
import { service } from './service-case.ts';

/** How many requests the origin has at once, of eight that come together and of which those that find no room are refused. */
async function mostAtOnce({ ask, origin }: World): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const seen = { now: 0, most: 0, refused: 0 };
  origin.reply = async () => {
    seen.most = Math.max(seen.most, ++seen.now);
    await promise;
    seen.now--;
    return {};
  };
  const asked = Array.from({ length: 8 }, async () => {
    if ((await ask()).status === 503) seen.refused++;
  });
  await waitFor('each is held or refused', () => seen.now + seen.refused === asked.length);
  resolve();
  await Promise.all(asked);
  return seen.most;
}

/** Whether a request is answered at once while the origin holds the one before it. */
async function answersBehindAnother({ ask, origin, expected }: World): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<void>();
  origin.reply = async () => {
    await promise;
    return {};
  };
  const before = origin.requests.length;
  let isRefused = false;
  const send = (): Promise<void> =>
    ask().then(() => {
      isRefused = true;
    });
  let held = send();
  await waitFor('the origin holds it', () => {
    if (origin.requests.length > before) return true;
    // Refused: what was there before has the one connection for a moment more.
    if (isRefused) {
      isRefused = false;
      held = send();
    }
    return false;
  });
  let hasAnswer = false;
  const second = ask().then(() => {
    hasAnswer = true;
  });
  const isBehind = await happens(expected === true, () => hasAnswer);
  resolve();
  await Promise.all([held, second]);
  return isBehind;
}

export const connectionCases: readonly FieldCase[] = [
  service(
    ['Connections.idle_timeout', 'Service.connections'],
    {},
    { connections: { idleTimeout: '100ms' } },
    {
      observe: async ({ ask, origin, expected }) => {
        await ask();
        return await happens(expected === true, () => origin.open() === 0);
      },
      was: false,
      is: true,
    },
  ),
  service(
    ['Connections.per_endpoint'],
    { connections: { perEndpoint: 3, pending: 0 } },
    { connections: { perEndpoint: 1, pending: 0 } },
    { observe: mostAtOnce, was: 3, is: 1 },
  ),
  service(
    ['Connections.pending'],
    { connections: { perEndpoint: 1, pending: 1 } },
    { connections: { perEndpoint: 1, pending: 0 } },
    { observe: answersBehindAnother, was: false, is: true },
  ),
  service(
    ['Service.max_concurrent_requests'],
    { maxConcurrentRequests: 3 },
    { maxConcurrentRequests: 2 },
    { observe: mostAtOnce, was: 3, is: 2 },
  ),
  service(
    ['Connections.connect_timeout'],
    { endpoints: [{ address: 'DEAF' }], connections: { connectTimeout: '20s' } },
    { endpoints: [{ address: 'DEAF' }], connections: { connectTimeout: '200ms' } },
    {
      observe: isAnswered,
      was: false,
      is: true,
    },
  ),
];
