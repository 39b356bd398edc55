import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type BreakableStore, breakable } from '../store/testing/breakable-store.ts';
import { type MemoryStore, openMemoryStore } from '../store/testing/memory-store.ts';
import { diffResourcesWithCurrent } from './apply.ts';
import type { ControlContext } from './context.ts';
import type { Outcome } from './outcome.ts';
import { apply, consumer, expectDone, nodeGroup, openContext, remove, route, service } from './testing/resources.ts';

let memory: MemoryStore;
let store: BreakableStore;
let context: ControlContext;

beforeAll(async () => {
  memory = await openMemoryStore();
});
afterAll(() => memory.close());
beforeEach(async () => {
  await context?.state.close();
  await memory.reset();
  store = breakable(memory);
  context = await openContext(store);
});

describe('apply', () => {
  test('makes one revision of all its resources, and says what became of each', async () => {
    const made = expectDone(await apply(context, [route('r', '/a', 's'), service('s')], { message: 'first' }));
    expect(made.revision).toBe(1n);
    expect(made.historyId).toBe(context.state.historyId);
    expect(summary(made.changes)).toEqual(['CREATED Route/r', 'CREATED Service/s']);
    const again = expectDone(await apply(context, [service('s', '127.0.0.1:9001'), route('r', '/a', 's')]));
    expect(again.revision).toBe(2n);
    expect(summary(again.changes)).toEqual(['UPDATED Service/s']);
    expect(again.changes[0]?.fields.map(({ field, before, after }) => ({ field, before, after }))).toEqual([
      { field: 'spec.endpoints[0].address', before: '127.0.0.1:9000', after: '127.0.0.1:9001' },
    ]);
    const [second, first] = await store.listRevisions('config', undefined, 10);
    expect(first).toMatchObject({ revision: 1, author: 'alice', message: 'first', created: 2, updated: 0, deleted: 0 });
    expect(second).toMatchObject({ revision: 2, author: 'alice', message: '', created: 0, updated: 1, deleted: 0 });
    expect(second?.digest).toEqual(context.state.config.digest());
  });

  test('that changes nothing makes no revision', async () => {
    expectDone(await apply(context, [service('s')]));
    const again = expectDone(await apply(context, [service('s')]));
    expect(again).toMatchObject({ revision: 1n, changes: [] });
    expect(await store.head()).toMatchObject({ config: 1 });
  });

  test('on a dry run answers as if applied, and stores nothing', async () => {
    const dry = expectDone(await apply(context, [service('s')], { dryRun: true, idempotencyKey: 'k' }));
    expect(dry).toMatchObject({ revision: 0n, dryRun: true });
    expect(summary(dry.changes)).toEqual(['CREATED Service/s']);
    expect(await store.head()).toMatchObject({ config: 0 });
    expect(context.state.config.size).toBe(0);
    expect(expectDone(await apply(context, [service('s')], { idempotencyKey: 'k' })).revision).toBe(1n);
  });

  test('with a problem stores nothing, and names every problem', async () => {
    const outcome = await apply(context, [route('a', '/a', 'x'), route('b', '/b', 'y'), service('ok')]);
    expect(problemsOf(outcome)).toEqual(['error Route/a spec.service', 'error Route/b spec.service']);
    expect(await store.head()).toMatchObject({ config: 0 });
    expect(context.state.config.index.size).toBe(0);
  });

  test('with strict takes warnings for errors', async () => {
    const first = route('a', '/x', 's');
    if (first.spec.case === 'route') first.spec.value.priority = 10;
    const shadowed = [service('s'), first, route('b', '/x/y', 's')];
    expect(problemsOf(await apply(context, shadowed, { strict: true }))).toEqual(['error Route/b spec.match']);
    const lenient = expectDone(await apply(context, shadowed));
    expect(lenient.warnings.map(({ kind, name }) => `${kind}/${name}`)).toEqual(['Route/b']);
  });

  test.each([
    { expected: 1n, ok: true },
    { expected: 0n, ok: false },
    { expected: 2n, ok: false },
  ])('expecting revision $expected at revision 1: done is $ok', async ({ expected, ok }) => {
    expectDone(await apply(context, [service('s')]));
    const outcome = await apply(context, [service('t')], { expectedRevision: expected });
    expect(outcome.ok).toBe(ok);
    if (!outcome.ok) {
      expect(outcome.failure).toEqual({
        kind: 'conflict',
        message: `the current revision is 1, and ${expected} was expected`,
      });
    }
  });

  test.each(['message', 'idempotencyKey'])('with a NUL character in its %s is refused', async (field) => {
    const outcome = await apply(context, [service('s')], { [field]: 'a\0b' });
    expect(outcome).toMatchObject({ failure: { kind: 'invalid' } });
  });

  test('prunes what carries the label and is not among the resources', async () => {
    const labels = { team: 'a' };
    const others = [service('other', '127.0.0.1:1', { labels: { team: 'b' } }), service('none')];
    expectDone(
      await apply(context, [
        ...others,
        service('keep', '127.0.0.1:1', { labels }),
        service('old', '127.0.0.1:1', { labels }),
      ]),
    );
    const pruned = expectDone(
      await apply(context, [service('keep', '127.0.0.1:1', { labels })], { pruneLabel: 'team=a' }),
    );
    expect(summary(pruned.changes)).toEqual(['DELETED Service/old']);
    const outcome = await apply(context, [], { pruneLabel: 'team' });
    expect(outcome.ok).toBe(false);
  });

  test('a label named like a property of objects is a label like any other', async () => {
    expectDone(await apply(context, [service('s')]));
    expect(expectDone(await apply(context, [], { pruneLabel: 'constructor=x' })).changes).toEqual([]);
  });
});

describe('a deletion', () => {
  test.each([
    { there: 11, deleted: 11, ok: false },
    { there: 10, deleted: 10, ok: true },
    { there: 22, deleted: 11, ok: true },
    { there: 21, deleted: 11, ok: false },
  ])('of $deleted of $there resources without force: done is $ok', async ({ there, deleted, ok }) => {
    const all = Array.from({ length: there }, (_, i) => `s${i}`);
    expectDone(
      await apply(
        context,
        all.map((name) => service(name)),
      ),
    );
    const gone = all.slice(0, deleted).map((name) => `Service/${name}`);
    const outcome = await remove(context, gone);
    expect(outcome.ok).toBe(ok);
    if (ok) return;
    expect(outcome).toMatchObject({ failure: { kind: 'failedPrecondition' } });
    const forced = expectDone(await remove(context, gone, { force: true }));
    expect(await store.getRevision('config', Number(forced.revision))).toMatchObject({ forced: true, deleted });
  });

  test('of what is not there names it; of what is referred to is refused', async () => {
    expectDone(await apply(context, [service('s'), route('r', '/a', 's')]));
    expect(await remove(context, ['Service/s', 'Service/nope', 'Nonsense/x'])).toMatchObject({
      failure: { kind: 'notFound', message: 'Service "nope", Nonsense "x" are not there' },
    });
    expect(problemsOf(await remove(context, ['Service/s']))).toEqual(['error Service/s ']);
    expect(summary(expectDone(await remove(context, ['Service/s', 'Route/r', 'Route/r'])).changes)).toEqual([
      'DELETED Service/s',
      'DELETED Route/r',
    ]);
  });
});

describe('an idempotency key', () => {
  test('gives a retry the first answer, whatever happened since', async () => {
    const options = { idempotencyKey: 'k', expectedRevision: 0n };
    const first = expectDone(await apply(context, [service('s')], options));
    expectDone(await apply(context, [service('t')]));
    expect(expectDone(await apply(context, [service('s')], options))).toEqual(first);
    expect(await store.head()).toMatchObject({ config: 2 });
  });

  test('remembers an answer that nothing changed', async () => {
    expectDone(await apply(context, [service('s')]));
    expectDone(await apply(context, [service('s')], { idempotencyKey: 'k' }));
    expectDone(await apply(context, [service('t')]));
    expect(expectDone(await apply(context, [service('s')], { idempotencyKey: 'k' }))).toMatchObject({ revision: 1n });
  });

  test('of another request is refused', async () => {
    expectDone(await apply(context, [service('s')], { idempotencyKey: 'k' }));
    expect(await apply(context, [service('t')], { idempotencyKey: 'k' })).toMatchObject({
      failure: { kind: 'invalid', message: 'the idempotency key was used for another request' },
    });
    expect(await remove(context, ['Service/s'], { idempotencyKey: 'k' })).toMatchObject({
      failure: { kind: 'invalid' },
    });
  });

  test('is forgotten after 24 hours', async () => {
    await context.state.close();
    let now = Date.now() - 25 * 3600 * 1000;
    context = await openContext(store, { now: () => new Date(now) });
    expectDone(await apply(context, [service('s')], { idempotencyKey: 'k' }));
    now = Date.now();
    expect(expectDone(await apply(context, [service('t')], { idempotencyKey: 'k' })).revision).toBe(2n);
  });
});

describe('two replicas on one database', () => {
  test('each sees what the other wrote before it decides', async () => {
    const other = await openContext(memory, { pollIntervalMs: 60_000 });
    expectDone(await apply(context, [service('s')]));
    expect(expectDone(await apply(other, [route('r', '/a', 's')])).revision).toBe(2n);
    expect(expectDone(await remove(context, ['Route/r'])).revision).toBe(3n);
    expect(expectDone(await apply(other, [route('r', '/a', 's')])).revision).toBe(4n);
    await other.state.close();
  });

  test('a change overtaken between its check and its commit is checked again', async () => {
    const other = await openContext(memory, { pollIntervalMs: 60_000 });
    expectDone(await apply(context, [service('s')]));
    store.beforeAppend = async () => {
      store.beforeAppend = undefined;
      expectDone(await remove(other, ['Service/s']));
    };
    expect(problemsOf(await apply(context, [route('r', '/a', 's')]))).toEqual(['error Route/r spec.service']);
    store.beforeAppend = async () => {
      store.beforeAppend = undefined;
      expectDone(await apply(other, [service('x')]));
    };
    expect(await apply(context, [service('y')], { expectedRevision: 2n })).toMatchObject({
      failure: { kind: 'conflict' },
    });
    await other.state.close();
  });
});

describe('while the database is away', () => {
  test('writes fail with a hint to retry, nothing changes, and it recovers by itself', async () => {
    expectDone(await apply(context, [service('s')]));
    store.away = true;
    expect(await apply(context, [service('t')])).toEqual({
      ok: false,
      failure: { kind: 'unavailable', message: 'the database is away; nothing was changed', retryAfterMs: 1000 },
    });
    expect(await apply(context, [route('r', '/', 'nope')])).toMatchObject({ failure: { kind: 'unavailable' } });
    expect(context.state.databaseUp).toBe(false);
    expect(context.state.config.index.size).toBe(1);
    store.away = false;
    expect(expectDone(await apply(context, [service('t')])).revision).toBe(2n);
    expect(context.state.databaseUp).toBe(true);
  });

  test('a dry run and a diff answer from memory', async () => {
    expectDone(await apply(context, [service('s')]));
    store.away = true;
    expect(summary(expectDone(await apply(context, [service('t')], { dryRun: true })).changes)).toEqual([
      'CREATED Service/t',
    ]);
    const diff = expectDone(
      await diffResourcesWithCurrent(context, {
        $typeName: 'sluice.admin.v1.DiffRequest',
        resources: [route('r', '/a', 'nope')],
        pruneLabel: '',
      }),
    );
    expect(summary(diff.changes)).toEqual(['CREATED Route/r']);
    expect(diff.problems.map(({ field }) => field)).toEqual(['spec.service']);
  });
});

describe('a commit whose answer is lost', () => {
  test('that happened counts as done, once', async () => {
    store.loseNextAppend = 'committed';
    expect(expectDone(await apply(context, [service('s')])).revision).toBe(1n);
    expect(context.state.config.revision).toBe(1);
    expect(context.state.config.index.size).toBe(1);
    expect(expectDone(await apply(context, [service('t')])).revision).toBe(2n);
  });

  test('that did not happen fails, and leaves the memory as it was', async () => {
    store.loseNextAppend = 'rolledBack';
    expect(await apply(context, [service('s')])).toMatchObject({ failure: { kind: 'unavailable' } });
    expect(context.state.config.index.size).toBe(0);
    expect(await store.head()).toMatchObject({ config: 0 });
    expect(expectDone(await apply(context, [service('s')])).revision).toBe(1n);
  });
});

test('a resource goes to its node groups, and the digests of groups follow', async () => {
  const { config } = context.state;
  expectDone(
    await apply(context, [nodeGroup('eu'), service('s', '127.0.0.1:1', { nodeGroups: ['eu'] }), consumer('c')]),
  );
  expect(
    config
      .snapshot('eu')
      .items.map(({ name }) => name)
      .sort(),
  ).toEqual(['c', 'eu', 's']);
  expect(
    config
      .snapshot('default')
      .items.map(({ name }) => name)
      .sort(),
  ).toEqual(['c', 'eu']);
  const before = config.position('default').digest;
  expectDone(await apply(context, [service('s', '127.0.0.1:2', { nodeGroups: ['eu'] })]));
  expect(config.position('default')).toEqual({ revision: 2, digest: before });
  expect(config.position('eu').digest).not.toEqual(before);
});

function summary(changes: readonly { change: number; ref?: { kind: string; name: string } | undefined }[]): string[] {
  const words = ['', 'CREATED', 'UPDATED', 'DELETED'];
  return changes.map(({ change, ref }) => `${words[change]} ${ref?.kind}/${ref?.name}`);
}

function problemsOf(outcome: Outcome<unknown>): string[] {
  if (outcome.ok || outcome.failure.kind !== 'invalid') throw new Error(`not invalid: ${JSON.stringify(outcome)}`);
  return outcome.failure.problems.map(({ severity, kind, name, field }) => `${severity} ${kind}/${name} ${field}`);
}
