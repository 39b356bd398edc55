import { waitFor } from '../../harness/wait-for.ts';
import { type FieldCase, happens, type Spec, type World } from './field-case.ts';
import { pair, shares } from './service-case.ts';

const outliers = (more: Spec = {}): Spec => ({
  outlierDetection: { consecutiveFailures: 1, baseEjection: '1s', ...more },
});

/** How many of twenty requests one of two endpoints gets that fails all. It is there when they begin. */
async function failuresTaken(world: World): Promise<number> {
  const before = world.origin.requests.length;
  await waitFor('it is back', async () => {
    await world.ask();
    return world.origin.requests.length > before;
  });
  world.origin.reply = () => ({ status: 500 });
  return (await shares(world, 20)).main;
}

export const outlierCases: readonly FieldCase[] = [
  pair(['Service.outlier_detection'], 'o1', {}, outliers(), {
    observe: async (world) => (await failuresTaken(world)) < 8,
    was: false,
    is: true,
  }),
  pair(
    ['OutlierDetection.consecutive_failures'],
    'o2',
    outliers({ baseEjection: '8s' }),
    outliers({ consecutiveFailures: 3, baseEjection: '8s' }),
    {
      observe: failuresTaken,
      was: 1,
      is: 3,
    },
  ),
  pair(['OutlierDetection.base_ejection'], 'o3', outliers(), outliers({ baseEjection: '1h' }), {
    observe: async (world) => {
      await failuresTaken(world);
      world.origin.reply = () => ({});
      const before = world.origin.requests.length;
      const isBack = async (): Promise<boolean> => {
        await world.ask();
        return world.origin.requests.length > before;
      };
      return await happens(world.expected === true, isBack, 4_000);
    },
    was: true,
    is: false,
  }),
  pair(['OutlierDetection.max_ejected_percent'], 'o4', outliers(), outliers({ maxEjectedPercent: 49 }), {
    observe: async (world) => (await failuresTaken(world)) < 8,
    was: true,
    is: false,
  }),
];
