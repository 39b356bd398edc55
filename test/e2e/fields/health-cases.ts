import { waitFor } from '../../harness/wait-for.ts';
import { type FieldCase, happens, type Spec, type World } from './field-case.ts';

const DEADLINE = { deadlineMs: 30_000 };
const QUICK = { interval: '100ms', timeout: '20s', unhealthyAfter: 1 };

/** A service whose only endpoint is used only while it is healthy. */
const checked = (healthCheck: Spec | undefined, loadBalancing: Spec = { panicPercent: 0 }): { spec: Spec } => ({
  spec: {
    endpoints: [{ address: 'ORIGIN' }],
    loadBalancing,
    ...(healthCheck && { healthCheck: { ...QUICK, ...healthCheck } }),
  },
});

const health = (
  proves: readonly string[],
  from: FieldCase['from'],
  to: FieldCase['to'],
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => ({ proves, key: 'Service/s', from, to, ...rest });

const probes = ({ origin }: World): number => origin.requests.filter(({ target }) => target.startsWith('/h')).length;

/** The status of a request when the origin has answered two probes more. It fails those for /h and passes those for /hh. */
async function afterProbes(world: World): Promise<number> {
  const { origin, ask } = world;
  origin.reply = ({ target }) => ({ status: target === '/h' ? 500 : 200 });
  const before = origin.accepted();
  // The third connection is made when the second probe is over.
  await waitFor('three probes begin', () => origin.accepted() >= before + 3, DEADLINE);
  return (await ask()).status;
}

/** As `afterProbes`, where none may come. */
async function soon({ origin, ask, expected }: World): Promise<number> {
  origin.reply = ({ target }) => ({ status: target === '/h' ? 500 : 200 });
  return (await happens(expected === 503, async () => (await ask()).status === 503)) ? 503 : 200;
}

/** Lets the origin answer probes one by one: the status of a request after each of these answers. */
const afterEach =
  (...answers: readonly number[]) =>
  async (world: World): Promise<number[]> => {
    const { origin, ask } = world;
    let release = Promise.withResolvers<number>();
    let begun = 0;
    origin.reply = async ({ target }) => {
      if (target !== '/h') return {};
      begun++;
      return { status: await release.promise };
    };
    const seen: number[] = [];
    for (const answer of answers) {
      const before = begun;
      await waitFor('a probe waits', () => begun > before || seen.length > 0, DEADLINE);
      const released = release;
      release = Promise.withResolvers<number>();
      const next = begun;
      released.resolve(answer);
      await waitFor('the next probe waits', () => begun > next, DEADLINE);
      seen.push((await ask()).status);
    }
    release.resolve(200);
    return seen;
  };

export const healthCases: readonly FieldCase[] = [
  health(['Service.health_check'], checked(undefined), checked({ http: { path: '/h' } }), {
    observe: soon,
    was: 200,
    is: 503,
  }),
  health(['HealthCheck.http', 'HealthCheck.tcp'], checked({ http: { path: '/h' } }), checked({ tcp: {} }), {
    observe: afterProbes,
    was: 503,
    is: 200,
  }),
  health(['HttpProbe.path'], checked({ http: { path: '/h' } }), checked({ http: { path: '/hh' } }), {
    observe: afterProbes,
    was: 503,
    is: 200,
  }),
  health(
    ['HttpProbe.statuses'],
    checked({ http: { path: '/h' } }),
    checked({ http: { path: '/h', statuses: ['500-501'] } }),
    {
      observe: afterProbes,
      was: 503,
      is: 200,
    },
  ),
  health(
    ['HealthCheck.interval'],
    checked({ http: { path: '/h' }, interval: '1h' }),
    checked({ http: { path: '/h' } }),
    {
      observe: async (world) => {
        const before = probes(world);
        return await happens(world.expected === true, () => probes(world) >= before + 4);
      },
      was: false,
      is: true,
    },
  ),
  health(
    ['HealthCheck.timeout'],
    checked({ http: { path: '/h' } }),
    checked({ http: { path: '/h' }, timeout: '100ms' }),
    {
      observe: async ({ origin, ask }) => {
        let begun = 0;
        origin.reply = async ({ target }) => {
          if (target === '/h') begun++;
          return target === '/h' ? { delayMs: 1_000 } : {};
        };
        await waitFor('a third probe begins', () => begun >= 3, DEADLINE);
        return (await ask()).status;
      },
      was: 200,
      is: 503,
    },
  ),
  health(
    ['HealthCheck.unhealthy_after'],
    checked({ http: { path: '/h' } }),
    checked({ http: { path: '/h' }, unhealthyAfter: 2 }),
    {
      // Two successes first: what is known of an endpoint outlives a change of its check.
      observe: async (world) => (await afterEach(200, 200, 500, 500)(world)).slice(2),
      was: [503, 503],
      is: [200, 503],
    },
  ),
  health(
    ['HealthCheck.healthy_after'],
    checked({ http: { path: '/h' } }),
    checked({ http: { path: '/h' }, healthyAfter: 1 }),
    { observe: afterEach(500, 200, 200), was: [503, 503, 200], is: [503, 200, 200] },
  ),
  health(
    ['LoadBalancing.panic_percent'],
    checked({ http: { path: '/h' } }),
    checked({ http: { path: '/h' } }, { panicPercent: 1 }),
    { observe: afterProbes, was: 503, is: 200 },
  ),
];
