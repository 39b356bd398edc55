import { expect, test } from 'vitest';
import { SHARED_CACHE_BYTES, SHARED_CACHE_CELLS, SharedCacheCells, sharedCacheCell } from './shared-cache-cells.ts';

const create = () => {
  const region = { sharedCache: new SharedArrayBuffer(SHARED_CACHE_BYTES) };
  return [new SharedCacheCells(region), new SharedCacheCells(region)] as const;
};

test('a cell is to be forgotten until that was done as often as it was wanted', () => {
  const [worker, main] = create();
  expect(worker.isForgotten(7)).toBe(true);
  worker.forget(7);
  const wanted = main.wanted(7);
  worker.forget(7);
  main.forgotten(7, wanted);
  expect(main.isForgotten(7)).toBe(false);
  worker.forget(SHARED_CACHE_CELLS - 1);
  expect([...main.remembered()]).toEqual([7, SHARED_CACHE_CELLS - 1]);
  main.forgotten(7, main.wanted(7));
  main.forgotten(SHARED_CACHE_CELLS - 1, main.wanted(SHARED_CACHE_CELLS - 1));
  expect([...main.remembered()]).toEqual([]);
});

test('workers know whether there is a store, and whether it answers', () => {
  const [worker, main] = create();
  expect([worker.exists, worker.answers]).toEqual([false, false]);
  main.setAnswers(true);
  expect([worker.exists, worker.answers]).toEqual([true, true]);
  main.setAnswers(false);
  expect([worker.exists, worker.answers]).toEqual([true, false]);
});

test('all nodes have the same cells, and other ones for what is of another sort', () => {
  expect(sharedCacheCell('route', 'r')).toBe(222_356);
  const cells = (['route', 'tag', 'address'] as const).map((kind) => sharedCacheCell(kind, 'r'));
  expect(new Set(cells).size).toBe(3);
  for (const cell of cells) expect(cell).toBeLessThan(SHARED_CACHE_CELLS);
});
