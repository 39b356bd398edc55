import { readFile } from 'node:fs/promises';
import { connectRaw } from '../../harness/raw-client.ts';
import { waitFor } from '../../harness/wait-for.ts';
import type { FieldCase, Spec, World } from './field-case.ts';

const DEADLINE = 30_000;

const route = (spec: Spec) => ({
  spec: { match: [{ path: { prefix: '/' } }], service: 's', policies: ['p'], ...spec },
});
/** Of its requests a line is always there. */
const marker = {
  'Route/marker': {
    spec: { match: [{ path: { prefix: '/marker' } }], respond: { status: 200 }, accessLog: { sample: 1 } },
  },
};

/** The statuses in the access log of requests whose answers are of these, and whose worker has logged a later one. */
const logged =
  (...answers: readonly number[]) =>
  async ({ port, origin, run, accessLog }: World): Promise<unknown> => {
    let next = 0;
    origin.reply = () => ({ status: answers[next++]! });
    // One connection, one worker, whose lines are written in their order.
    const client = await connectRaw(port);
    for (const _ of answers) await client.request({ target: `/${run}` }, DEADLINE);
    await client.request({ target: `/marker/${run}` }, DEADLINE);
    client.end();
    const lines = await waitFor(
      'the line of the last request',
      async () => {
        const text = await readFile(accessLog, 'utf8');
        return text.includes(`"/marker/${run}"`) ? text.split('\n') : undefined;
      },
      { deadlineMs: DEADLINE },
    );
    return lines
      .filter((line) => line.includes(`"path":"/${run}"`))
      .map((line) => (JSON.parse(line) as { status: number }).status);
  };

/** What upstreams are told of whether a request is traced. */
const sampledFlag = async ({ ask, origin }: World): Promise<unknown> => {
  await ask();
  return origin.requests.at(-1)!.header('traceparent')?.slice(-2);
};

const observed = (
  key: FieldCase['key'],
  proves: readonly string[],
  [from, to]: readonly [Spec, Spec],
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => ({
  ...{ proves, key },
  from: key === 'Route/r' ? route(from) : { spec: from },
  to: key === 'Route/r' ? route(to) : { spec: to },
  others: { 'Policy/p': { spec: {} }, 'Route/r': route({}), ...marker },
  ...rest,
});

const traced = (key: FieldCase['key'], proves: readonly string[], specs: readonly [Spec, Spec]): FieldCase =>
  observed(key, proves, specs, { observe: sampledFlag, was: '00', is: '01' });

export const observabilityCases: readonly FieldCase[] = [
  observed('Policy/p', ['Policy.access_log'], [{}, { accessLog: { sample: 1 } }], {
    observe: logged(200, 500),
    was: [],
    is: [200, 500],
  }),
  observed('Route/r', ['Route.access_log'], [{}, { accessLog: { sample: 1 } }], {
    observe: logged(200),
    was: [],
    is: [200],
  }),
  observed(
    'Route/r',
    ['AccessLog.sample'],
    [{ accessLog: { errors: true } }, { accessLog: { sample: 1, errors: true } }],
    {
      observe: logged(200, 404),
      was: [404],
      is: [200, 404],
    },
  ),
  observed('Route/r', ['AccessLog.errors'], [{ accessLog: {} }, { accessLog: { errors: true } }], {
    observe: logged(200, 400, 399, 503),
    was: [],
    is: [400, 503],
  }),
  traced('Policy/p', ['Policy.tracing'], [{}, { tracing: { sample: 1 } }]),
  traced('Route/r', ['Route.tracing'], [{}, { tracing: { sample: 1 } }]),
  traced('Route/r', ['Tracing.sample'], [{ tracing: { sample: 0 } }, { tracing: { sample: 1 } }]),
];
