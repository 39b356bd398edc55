import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { attachShared } from './attach.ts';
import { Doorbells } from './doorbells.ts';
import { createSharedRegion } from './region.ts';

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

test('a ring is heard by the worker it is for, rings of one turn once, and none after it was closed', async () => {
  const region = createSharedRegion({ workers: 3 });
  const heard = [0, 0, 0];
  const bells = heard.map((_, worker) => new Doorbells(region, worker));
  for (const [worker, bell] of bells.entries()) bell.listen(() => heard[worker]!++);
  for (let n = 0; n < 5; n++) bells[0]!.ring(1);
  while (heard[1] === 0) await turn();
  await turn();
  expect(heard).toEqual([0, 1, 0]);
  bells[0]!.ring(1);
  bells[1]!.ring(2);
  while (heard[2] === 0) await turn();
  expect(heard).toEqual([0, 2, 1]);
  bells[1]!.close();
  bells[0]!.ring(1);
  bells[0]!.ring(2);
  while (heard[2] === 1) await turn();
  expect(heard).toEqual([0, 2, 2]);
});

test('a ring while the last one is being answered is heard too', async () => {
  const region = createSharedRegion({ workers: 1 });
  const bell = new Doorbells(region, 0);
  let heard = 0;
  bell.listen(() => {
    if (++heard < 4) bell.ring(0);
  });
  bell.ring(0);
  while (heard < 4) await turn();
  bell.close();
});

test('threads that add one unless there are too many never have more, and get to that many', async () => {
  const region = createSharedRegion({ workers: 4 });
  const code = `
    const { workerData, parentPort } = require('node:worker_threads');
    import(workerData.attach).then(({ attachShared }) => {
      const { connections } = attachShared(workerData.region, workerData.worker).columns;
      let most = 0;
      for (let n = 0; n < 100_000; n++) {
        if (connections.tryAdd(2, 3)) {
          most = Math.max(most, connections.total(2));
          connections.add(2, -1);
        }
      }
      parentPort.postMessage(most);
    });`;
  const attach = new URL('./attach.ts', import.meta.url).href;
  const most = await Promise.all(
    [0, 1, 2, 3].map(async (worker) => {
      const thread = new Worker(code, { eval: true, workerData: { region, worker, attach } });
      const [seen] = (await once(thread, 'message')) as [number];
      return seen;
    }),
  );
  // What others are about to take back shows for a moment in the total, never more than one for each of them.
  expect(Math.max(...most)).toBeLessThanOrEqual(3 + 3);
  const { connections } = attachShared(region, 0).columns;
  expect(connections.total(2)).toBe(0);
  for (let n = 0; n < 3; n++) expect(connections.tryAdd(2, 3)).toBe(true);
  expect(connections.tryAdd(2, 3)).toBe(false);
});
