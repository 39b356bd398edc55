import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { apply, consumer, expectDone, openContext, route, service } from '../config/testing/resources.ts';
import type { Store, VersionRecord } from '../store/store.ts';
import { type BreakableStore, breakable } from '../store/testing/breakable-store.ts';
import { type MemoryStore, openMemoryStore } from '../store/testing/memory-store.ts';
import { ControlState, type StateEvent } from './control-state.ts';

let memory: MemoryStore;
let store: BreakableStore;
beforeAll(async () => {
  memory = await openMemoryStore();
});
afterAll(() => memory.close());
beforeEach(async () => {
  await memory.reset();
  store = breakable(memory);
});

describe('a replica', () => {
  test('follows what another one writes, and tells its listeners', async () => {
    const writer = await openContext(memory);
    const follower = new ControlState({ store, pollIntervalMs: 60_000 });
    await follower.ready;
    const revisions: number[] = [];
    follower.config.subscribe(() => revisions.push(follower.config.revision));
    expectDone(await apply(writer, [service('s'), route('r', '/a', 's')]));
    expectDone(await apply(writer, [service('s', '127.0.0.1:2')]));
    await until(() => follower.config.revision === 2);
    expect(revisions.at(-1)).toBe(2);
    expect(follower.config.position('g')).toEqual(writer.state.config.position('g'));
    expect(follower.config.index.size).toBe(2);
    await Promise.all([writer.state.close(), follower.close()]);
  });

  test('finds by its slow poll what it was not told of', async () => {
    const deaf = new ControlState({ store: { ...store, subscribe: () => () => undefined }, pollIntervalMs: 10 });
    await deaf.ready;
    const writer = await openContext(memory);
    expectDone(await apply(writer, [service('s')]));
    await until(() => deaf.config.revision === 1);
    await Promise.all([writer.state.close(), deaf.close()]);
  });

  test('does not look at the database because of its own writes', async () => {
    const context = await openContext(store, { pollIntervalMs: 60_000 });
    const looks = () => store.asked.filter((method) => method === 'head').length;
    const before = looks();
    for (let port = 1; port <= 5; port++) expectDone(await apply(context, [service('s', `127.0.0.1:${port}`)]));
    await new Promise((resolve) => setImmediate(resolve));
    await context.state.exclusive(async () => undefined);
    expect(looks()).toBe(before);
    await context.state.close();
  });

  test('goes on with what it has while the database is away, says so, and comes back by itself', async () => {
    const events: StateEvent[] = [];
    const context = await openContext(store, { report: (event) => events.push(event) });
    expectDone(await apply(context, [service('s')]));
    store.away = true;
    await until(() => !context.state.databaseUp);
    expect(context.state.config.snapshot('g').items).toHaveLength(1);
    await expect(context.state.refresh()).rejects.toThrow('the database is away');
    const writer = await openContext(memory);
    expectDone(await apply(writer, [service('t')]));
    store.away = false;
    await until(() => context.state.config.revision === 2);
    expect(context.state.databaseUp).toBe(true);
    expect(events.map(({ kind }) => kind)).toEqual(['databaseLost', 'databaseBack']);
    await Promise.all([context.state.close(), writer.state.close()]);
  });

  test('that starts while the database is away is ready once it is back', async () => {
    store.away = true;
    const state = new ControlState({ store, pollIntervalMs: 20 });
    await until(() => !state.databaseUp);
    store.away = false;
    await state.ready;
    expect(state.historyId).not.toBe('');
    await state.close();
  });

  test('reads everything anew when the history changed', async () => {
    const events: StateEvent[] = [];
    const context = await openContext(store, { report: (event) => events.push(event) });
    expectDone(await apply(context, [service('s')]));
    const from = context.state.historyId;
    const to = await memory.newHistory();
    await until(() => context.state.historyId === to);
    expect(events).toEqual([{ kind: 'historyChanged', from, to }]);
    expect(expectDone(await apply(context, [service('t')])).historyId).toBe(to);
    await context.state.close();
  });

  test('never goes backwards in a history: a database that lost revisions is not followed, and not written to', async () => {
    const events: StateEvent[] = [];
    const context = await openContext(store, { report: (event) => events.push(event) });
    const { historyId } = context.state;
    expectDone(await apply(context, [service('s')]));
    const lost = { ...memory, head: async () => ({ historyId, config: 0, facts: 0 }) };
    Object.assign(store, breakable(lost));
    await context.state.refresh();
    expect(context.state.config.revision).toBe(1);
    expect(await apply(context, [service('t')])).toMatchObject({ failure: { kind: 'failedPrecondition' } });
    expect(events.map(({ kind }) => kind)).toEqual(['faulty']);
    await context.state.close();
  });

  test.each([
    { damaged: 'the log alone', readsAnew: true },
    { damaged: 'the log and what is current', readsAnew: false },
  ])('does not follow a revision whose content is not what its digest says: $damaged', async ({ readsAnew }) => {
    const events: StateEvent[] = [];
    const writer = await openContext(memory);
    expectDone(await apply(writer, [service('s')]));
    let isDamaged = false;
    const damage = (version: VersionRecord) => (isDamaged ? { ...version, hash: new Uint8Array(32) } : version);
    const damaged: Store = {
      ...memory,
      async readSince(...args) {
        const records = await memory.readSince(...args);
        return records.map((record) => ({ ...record, versions: record.versions.map(damage) }));
      },
      async readCurrent(...args) {
        const versions = await memory.readCurrent(...args);
        return readsAnew ? versions : versions.map(damage);
      },
    };
    const state = new ControlState({ store: damaged, pollIntervalMs: 60_000, report: (event) => events.push(event) });
    await state.ready;
    isDamaged = true;
    expectDone(await apply(writer, [service('t')]));
    await until(() => state.config.revision === 2 || state.fault !== undefined);
    expect(state.config.revision).toBe(readsAnew ? 2 : 1);
    expect(events.map(({ kind }) => kind)).toEqual(readsAnew ? [] : ['faulty']);
    isDamaged = false;
    await state.refresh();
    expect(state.fault).toBeUndefined();
    expect(state.config.position('g')).toEqual(writer.state.config.position('g'));
    await Promise.all([writer.state.close(), state.close()]);
  });
});

test('loading 10,000 resources never keeps the event loop for 50 ms', async () => {
  const writer = await openContext(memory);
  const routes = Array.from({ length: 10_000 }, (_, i) => route(`r${i}`, `/api/v1/things${i}`, 's'));
  expectDone(await apply(writer, [service('s'), consumer('c'), ...routes]));
  const rows: VersionRecord[] = await memory.readCurrent('config', undefined, 20_000);
  const record = await memory.getRevision('config', 1);
  const prepared: Store = {
    ...store,
    head: async () => ({ historyId: writer.state.historyId, config: 1, facts: 0 }),
    getRevision: async (track) => (track === 'config' ? record : undefined),
    readCurrent: async (track, after, limit) => {
      const start =
        after === undefined ? 0 : rows.findIndex((row) => row.name === after.name && row.kind === after.kind) + 1;
      return track === 'config' ? rows.slice(start, start + limit) : [];
    },
  };
  await writer.state.close();
  const turns = measureTurns();
  const state = new ControlState({ store: prepared, pollIntervalMs: 60_000 });
  await state.ready;
  expect(turns.longestMs()).toBeLessThan(50);
  expect(state.config.position('g')).toEqual(writer.state.config.position('g'));
  expect(state.config.index.size).toBe(10_002);
  await state.close();
});

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !condition(); await new Promise((resolve) => setTimeout(resolve, 5))) {
    if (Date.now() > end) throw new Error('it did not happen within 5 s');
  }
}

/** The longest turn of the event loop, in this thread's CPU time: what other processes take does not count. */
function measureTurns(): { longestMs(): number } {
  let longest = 0;
  let last = process.threadCpuUsage();
  const turn = () => {
    const { user, system } = process.threadCpuUsage(last);
    longest = Math.max(longest, user + system);
    last = process.threadCpuUsage();
    timer = setImmediate(turn);
  };
  let timer = setImmediate(turn);
  return {
    longestMs() {
      turn();
      clearImmediate(timer);
      return longest / 1000;
    },
  };
}
