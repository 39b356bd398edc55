import { hashItem, SetDigest } from '@sluice/engine';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Store, VersionRecord } from '../store/store.ts';
import { type MemoryStore, openMemoryStore } from '../store/testing/memory-store.ts';
import { ControlState } from './control-state.ts';
import { goesTo } from './group-digests.ts';
import { toItem } from './track.ts';
import type { TrackDelta, TrackItem, TrackSnapshot, TrackState } from './track-state.ts';

let store: MemoryStore;
beforeAll(async () => {
  store = await openMemoryStore();
});
afterAll(() => store.close());
beforeEach(() => store.reset());

/** What one revision does to a few items: a content and groups, or nothing left. */
type Step = readonly {
  readonly name: string;
  readonly content: number | undefined;
  readonly nodeGroups: readonly string[];
}[];

const groups = ['a', 'b', 'unheard-of'];
const item = fc.record({
  name: fc.constantFrom('i0', 'i1', 'i2', 'i3', 'i4', 'i5'),
  content: fc.option(fc.nat(3), { nil: undefined, freq: 3 }),
  nodeGroups: fc.constantFrom([], ['a'], ['b'], ['a', 'b']),
});
const history = fc.array(fc.uniqueArray(item, { selector: ({ name }) => name, maxLength: 4 }), {
  minLength: 1,
  maxLength: 12,
});

describe('a delta between any two revisions', () => {
  test('is the difference of their snapshots, from memory and from the database, for every group; and the log knows each', async () => {
    const property = fc.asyncProperty(history, async (steps: Step[]) => {
      await store.reset();
      const live = new ControlState({ store, pollIntervalMs: 60_000 });
      await live.ready;
      const snapshots = [takeSnapshots(live.facts)];
      for (const step of steps) {
        await appendStep(store, live, step);
        await live.refresh();
        snapshots.push(takeSnapshots(live.facts));
      }
      const fresh = new ControlState({ store, pollIntervalMs: 60_000 });
      await fresh.ready;
      const last = snapshots.at(-1)!;
      for (const group of groups) {
        expect(fresh.facts.position(group)).toEqual(live.facts.position(group));
        for (const [revision, before] of snapshots.entries()) {
          const stored = await store.readAt('facts', revision, 'Thing', '', 100);
          const here = stored.flatMap((version) => toItem(version) ?? []).filter((each) => goesTo(each, group));
          expect(describeItems(here)).toEqual(describeItems(before.get(group)!.items));
          for (const track of [live.facts, fresh.facts]) {
            const delta = await track.deltaSince(revision, group);
            if (delta !== undefined) expectLeads(delta, before.get(group)!, last.get(group)!);
            else expect(track).toBe(fresh.facts);
          }
        }
      }
      await Promise.all([live.close(), fresh.close()]);
    });
    await fc.assert(property, { numRuns: 25, endOnFailure: true });
  });
});

test('a delta of a revision to come is none, and of the present one is empty', async () => {
  const state = new ControlState({ store });
  await state.ready;
  await appendStep(store, state, [{ name: 'i0', content: 1, nodeGroups: [] }]);
  await state.refresh();
  expect(await state.facts.deltaSince(2, 'a')).toBeUndefined();
  expect(await state.facts.deltaSince(1, 'a')).toMatchObject({ upserts: [], removals: [], forced: false });
  await state.close();
});

test('a delta that takes away more than half of a group says that this is meant', async () => {
  const state = new ControlState({ store });
  await state.ready;
  const names = ['i0', 'i1', 'i2', 'i3'];
  await appendStep(
    store,
    state,
    names.map((name) => ({ name, content: 1, nodeGroups: name === 'i0' ? ['a'] : [] })),
  );
  await state.refresh();
  for (const name of ['i1', 'i2']) {
    await appendStep(store, state, [{ name, content: undefined, nodeGroups: [] }]);
    await state.refresh();
  }
  expect((await state.facts.deltaSince(1, 'a'))?.forced).toBe(false);
  expect((await state.facts.deltaSince(1, 'b'))?.forced).toBe(true);
  expect((await state.facts.deltaSince(2, 'b'))?.forced).toBe(false);
  await state.close();
});

function takeSnapshots(track: TrackState): Map<string, TrackSnapshot> {
  return new Map(groups.map((group) => [group, track.snapshot(group)]));
}

function expectLeads(delta: TrackDelta, before: TrackSnapshot, after: TrackSnapshot): void {
  expect(delta).toMatchObject({ fromRevision: before.revision, revision: after.revision });
  expect(delta.fromDigest).toEqual(before.digest);
  expect(delta.digest).toEqual(after.digest);
  const items = new Map(before.items.map((each) => [each.name, each]));
  for (const { name } of delta.removals) expect(items.delete(name)).toBe(true);
  for (const each of delta.upserts) {
    expect(items.get(each.name)?.hash).not.toEqual(each.hash);
    items.set(each.name, each);
  }
  expect(describeItems(items.values())).toEqual(describeItems(after.items));
  expect(SetDigest.of([...items.values()].map(({ hash }) => hash)).bytes()).toEqual(after.digest);
}

function describeItems(items: Iterable<TrackItem>): string[] {
  return [...items]
    .map(({ name, content, nodeGroups }) => `${name} ${Buffer.from(content).toString()} ${nodeGroups.join()}`)
    .sort();
}

/** Writes the next version of the facts as another replica would. Its items are no keys: their content is not looked at. */
async function appendStep(to: Store, { facts, historyId }: ControlState, step: Step): Promise<void> {
  const revision = facts.revision + 1;
  const versions = step.flatMap(({ name, content, nodeGroups }): VersionRecord[] => {
    if (content === undefined) {
      if (facts.get('Thing', name) === undefined) return [];
      return [{ kind: 'Thing', name, revision, content: undefined, hash: undefined, nodeGroups: [] }];
    }
    const bytes = Buffer.from(`${content} ${nodeGroups.join()}`);
    return [{ kind: 'Thing', name, revision, content: bytes, hash: hashItem('Thing', name, bytes), nodeGroups }];
  });
  const outcome = await to.append({
    track: 'facts',
    expected: { historyId, revision: facts.revision },
    writeId: crypto.randomUUID(),
    revision: {
      createdAt: new Date(),
      author: 'test',
      message: '',
      digest: facts.digestAfter(facts.changesOf(versions)),
      created: versions.length,
      updated: 0,
      deleted: 0,
      rollbackOf: 0,
      forced: false,
    },
    versions,
    secrets: [],
    audit: [],
    answer: undefined,
  });
  expect(outcome).toEqual({ kind: 'appended' });
}
