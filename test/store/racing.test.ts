import { describe, expect, test } from 'vitest';
import { isMissing } from '../harness/is-missing.ts';
import { findPostgres, startPostgres } from '../harness/postgres.ts';
import { waitFor } from '../harness/wait-for.ts';
import { openOn } from './drivers.ts';
import { apply, openReplica, portsOf, service } from './resources.ts';

describe.skipIf(isMissing('PostgreSQL', findPostgres() === undefined))('two control planes on one PostgreSQL', () => {
  test('that start at the same moment migrate once and share a history', async () => {
    await using postgres = await startPostgres();
    const database = openOn(postgres);
    const stores = await Promise.all(Array.from({ length: 3 }, () => database.open()));
    const heads = await Promise.all(stores.map((store) => store.head()));
    expect(new Set(heads.map(({ historyId }) => historyId)).size).toBe(1);
    await Promise.all(stores.map((store) => store.close()));
  });

  test('racing writers lose no update: each change lands in order, and both replicas end alike', async () => {
    await using postgres = await startPostgres();
    const database = openOn(postgres);
    const stores = [await database.open(), await database.open()];
    const replicas = await Promise.all(stores.map((store) => openReplica(store)));
    const rounds = 40;
    const outcomes = await Promise.all(
      replicas.map(async (replica, index) => {
        const done = [];
        for (let i = 0; i < rounds; i++) done.push(await apply(replica, [service(`s${index}-${i}`, 1000 + i)]));
        return done;
      }),
    );
    const revisions = outcomes.flat().map((outcome) => {
      if (!outcome.ok) throw new Error(JSON.stringify(outcome.failure));
      return Number(outcome.value.revision);
    });
    expect(revisions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 2 * rounds }, (_, i) => i + 1));
    for (const { state } of replicas) {
      await waitFor('the replica has every revision', () => state.config.revision === 2 * rounds);
      expect(Object.keys(portsOf(state))).toHaveLength(2 * rounds);
    }
    const [a, b] = replicas.map(({ state }) => state.config.position('g'));
    expect(a).toEqual(b);
    await Promise.all(replicas.map(({ state }) => state.close()));
    await Promise.all(stores.map((store) => store.close()));
  });

  test('of two that expect the same revision, one lands and the other gets a clear conflict', async () => {
    await using postgres = await startPostgres();
    const database = openOn(postgres);
    const stores = [await database.open(), await database.open()];
    const replicas = await Promise.all(stores.map((store) => openReplica(store)));
    for (let revision = 0n; revision < 10n; revision++) {
      const outcomes = await Promise.all(
        replicas.map((replica, index) =>
          apply(replica, [service(`s${index}`, 1000 + Number(revision))], { expectedRevision: revision }),
        ),
      );
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
      expect(outcomes.find(({ ok }) => !ok)).toEqual({
        ok: false,
        failure: {
          kind: 'conflict',
          message: `the current revision is ${revision + 1n}, and ${revision} was expected`,
        },
      });
    }
    await Promise.all(replicas.map(({ state }) => state.close()));
    await Promise.all(stores.map((store) => store.close()));
  });

  test('a change reaches the other replica by notification, long before its poll', async () => {
    await using postgres = await startPostgres();
    const database = openOn(postgres);
    const stores = [await database.open(), await database.open()];
    const [writer, reader] = await Promise.all(stores.map((store) => openReplica(store, 60_000)));
    expect((await apply(writer!, [service('s', 1)])).ok).toBe(true);
    await waitFor('the reader follows', () => reader!.state.config.revision === 1);
    await Promise.all([writer!.state.close(), reader!.state.close()]);
    await Promise.all(stores.map((store) => store.close()));
  });
});
