import { openStore } from '@sluice/control-plane';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isMissing } from '../harness/is-missing.ts';
import { findPostgres, type Postgres, startPostgres } from '../harness/postgres.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { waitFor } from '../harness/wait-for.ts';
import { openOn } from './drivers.ts';
import { apply, openReplica, portsOf, service } from './resources.ts';

describe.skipIf(isMissing('PostgreSQL', findPostgres() === undefined))('PostgreSQL that goes away', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.[Symbol.asyncDispose]());

  test.each(['stop', 'kill'] as const)(
    'by %s: reads come from memory, writes fail, and it recovers by itself',
    async (how) => {
      const store = await openOn(postgres).open();
      const replica = await openReplica(store);
      const { state } = replica;
      const before = Number((await applied(apply(replica, [service(`s-${how}`, 1)]))).revision);
      await postgres[how]();
      await waitFor('the loss is noticed', () => !state.databaseUp);
      expect(portsOf(state)).toMatchObject({ [`s-${how}`]: 1 });
      expect(state.config.snapshot('g').items.length).toBe(state.config.size);
      expect(await apply(replica, [service(`s-${how}`, 2)])).toMatchObject({
        failure: { kind: 'unavailable', retryAfterMs: 1000 },
      });
      expect(state.config.revision).toBe(before);
      await postgres.start();
      await waitFor('the state is current again', () => state.databaseUp);
      expect(Number((await applied(apply(replica, [service(`s-${how}`, 3)]))).revision)).toBe(before + 1);
      const other = await openOn(postgres).open();
      const writer = await openReplica(other);
      await applied(apply(writer, [service(`noticed-${how}`, 9)]));
      await waitFor('notifications are heard again', () => state.config.revision === before + 2);
      await Promise.all([state.close(), writer.state.close()]);
      await Promise.all([store.close(), other.close()]);
    },
  );

  test('in the middle of changes: each one acknowledged is there, each one refused is not, one unsure is one or the other', async () => {
    const store = await openOn(postgres).open();
    const replica = await openReplica(store);
    const acknowledged = new Set<number>();
    const unsure = new Set<number>();
    let stopped = false;
    let port = 1;
    const writing = (async () => {
      for (; !stopped; port++) {
        const outcome = await apply(replica, [service(`w${port}`, port)], {
          idempotencyKey: `w-${postgres.port}-${port}`,
        });
        if (outcome.ok) acknowledged.add(port);
        else if (outcome.failure.kind !== 'unavailable') throw new Error(JSON.stringify(outcome.failure));
        else if (!outcome.failure.message.includes('nothing was changed')) unsure.add(port);
      }
    })();
    for (let round = 1; round <= 3; round++) {
      const goal = acknowledged.size + 15;
      await waitFor('changes are acknowledged', () => acknowledged.size >= goal);
      await postgres.kill();
      await postgres.start();
    }
    const goal = acknowledged.size + 5;
    await waitFor('changes are acknowledged again', () => acknowledged.size >= goal);
    stopped = true;
    await writing;
    await replica.state.refresh();
    const stored = new Set(Object.values(portsOf(replica.state)));
    for (const one of acknowledged) expect(stored).toContain(one);
    for (let one = 1; one < port; one++) {
      if (!acknowledged.has(one) && !unsure.has(one)) expect(stored).not.toContain(one);
    }
    await replica.state.close();
    await store.close();
  });

  test('without a word: a call ends by its deadline, and the next connection works once the server does', async () => {
    await using dir = await makeTempDir('store');
    const store = await openStore({ database: postgres.url, dataDir: dir.path, callTimeoutMs: 500 });
    postgres.pause();
    try {
      await expect(store.head()).rejects.toThrow('the database does not answer');
    } finally {
      postgres.resume();
    }
    await waitFor('the store answers', async () => (await store.head()).historyId);
    await store.close();
  });
});

describe('a store that cannot be opened', () => {
  test.skipIf(isMissing('PostgreSQL', findPostgres() === undefined)).each([
    { why: 'no such database', path: '/nope', message: /there is no such database$/ },
    {
      why: 'nothing listens',
      path: undefined,
      message: /^cannot use the database at 127\.0\.0\.1:1: nothing listens there$/,
    },
  ])('says so in one line: $why', async ({ path, message }) => {
    await using postgres = await startPostgres();
    await using dir = await makeTempDir('store');
    const url =
      path === undefined
        ? 'postgres://u:geheim@127.0.0.1:1/x'
        : `postgres://postgres@127.0.0.1:${postgres.port}${path}`;
    const error = await openStore({ database: url, dataDir: dir.path }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'StoreStartError', remedy: expect.stringMatching(/./) });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toMatch(/\n|geheim/);
  });

  test('says so in one line: another process holds the data directory', async () => {
    await using dir = await makeTempDir('store');
    const first = await openStore({ database: 'embedded', dataDir: dir.path });
    await expect(openStore({ database: 'embedded', dataDir: dir.path })).rejects.toThrow(
      `the data directory ${dir.path} is in use by process ${process.pid}`,
    );
    await first.close();
    await (await openStore({ database: 'embedded', dataDir: dir.path })).close();
  });
});

async function applied(outcome: ReturnType<typeof apply>) {
  const result = await outcome;
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  return result.value;
}
