import { create, equals } from '@bufbuild/protobuf';
import {
  ExportRequestSchema,
  GetRequestSchema,
  GetRevisionRequestSchema,
  HistoryRequestSchema,
  ListRequestSchema,
  type Resource,
  ResourceSchema,
  RollbackRequestSchema,
} from '@sluice/proto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type MemoryStore, openMemoryStore } from '../store/testing/memory-store.ts';
import type { ControlContext } from './context.ts';
import { exportResources } from './export.ts';
import { getResource } from './get.ts';
import { getRevision, listHistory } from './history.ts';
import { listResources } from './list.ts';
import { rollBack } from './rollback.ts';
import { apply, consumer, expectDone, nodeGroup, openContext, remove, route, service } from './testing/resources.ts';

let store: MemoryStore;
let context: ControlContext;

beforeAll(async () => {
  store = await openMemoryStore();
});
afterAll(() => store.close());
beforeEach(async () => {
  await context?.state.close();
  await store.reset();
  context = await openContext(store);
});

/** Five revisions: made, changed, moved to a group, removed, made again. */
async function makeHistory(): Promise<Resource[][]> {
  const steps: { put: Resource[]; take?: string[] }[] = [
    { put: [service('s'), route('r', '/a', 's')] },
    { put: [service('s', '127.0.0.1:2'), consumer('c')] },
    { put: [nodeGroup('eu'), consumer('c', { nodeGroups: ['eu'] })] },
    { put: [], take: ['Route/r', 'Consumer/c'] },
    { put: [route('r', '/b', 's'), service('t')] },
  ];
  const states: Resource[][] = [];
  for (const { put, take } of steps) {
    if (take === undefined) expectDone(await apply(context, put));
    else expectDone(await remove(context, take));
    states.push([...context.state.config.index.entries()].map(({ resource }) => resource));
  }
  return states;
}

describe('config at a revision', () => {
  test('is what it was, exported in pages of any size, what is referred to first', async () => {
    const states = await makeHistory();
    for (const [index, state] of states.entries()) {
      for (const pageSize of [1, 2, 500]) {
        const exported = await exportAll({ revision: BigInt(index + 1), pageSize });
        expectSame(exported, state);
      }
    }
    const order = (await exportAll({})).map((resource) => resource.spec.case);
    expect(order).toEqual(['nodeGroup', 'service', 'service', 'route']);
  });

  test('stays what it was while later changes come between the pages', async () => {
    await makeHistory();
    const state = [...context.state.config.index.entries()].map(({ resource }) => resource);
    const first = expectDone(await exportResources(context, create(ExportRequestSchema, { pageSize: 2 })));
    expectDone(await remove(context, ['Route/r', 'Service/t']));
    const { nextPageToken: pageToken } = first;
    const rest = expectDone(await exportResources(context, create(ExportRequestSchema, { pageToken })));
    expect(rest.revision).toBe(first.revision);
    expectSame([...first.resources, ...rest.resources], state);
  });

  test('says of each resource which revision changed it last', async () => {
    await makeHistory();
    const found = async (kind: string, name: string, revision?: bigint) => {
      const request = create(GetRequestSchema, {
        ref: { kind, name },
        ...(revision === undefined ? {} : { revision }),
      });
      const outcome = await getResource(context, request);
      return outcome.ok ? Number(outcome.value.resource?.revision) : outcome.failure.kind;
    };
    expect(await found('Service', 's')).toBe(2);
    expect(await found('Service', 's', 1n)).toBe(1);
    expect(await found('Service', 's', 4n)).toBe(2);
    expect(await found('Consumer', 'c', 3n)).toBe(3);
    expect(await found('Consumer', 'c', 4n)).toBe('notFound');
    expect(await found('Consumer', 'c')).toBe('notFound');
    expect(await found('Route', 'r', 9n)).toBe('notFound');
    expect(await found('Nonsense', 'r', 1n)).toBe('notFound');
    expect(await found('Route', 'r\0', 1n)).toBe('notFound');
  });
});

describe('the history', () => {
  test('lists revisions from the newest, in pages', async () => {
    await makeHistory();
    const first = expectDone(await listHistory(context, create(HistoryRequestSchema, { pageSize: 3 })));
    expect(first.revisions.map(({ revision }) => revision)).toEqual([5n, 4n, 3n]);
    const { nextPageToken: pageToken } = first;
    const rest = expectDone(await listHistory(context, create(HistoryRequestSchema, { pageSize: 3, pageToken })));
    expect(rest.revisions.map(({ revision }) => revision)).toEqual([2n, 1n]);
    expect(rest.nextPageToken).toBe('');
    expect(rest.historyId).toBe(context.state.historyId);
  });

  test('shows what a revision changed, before and after', async () => {
    await makeHistory();
    const shown = expectDone(await getRevision(context, create(GetRevisionRequestSchema, { revision: 2n })));
    expect(shown.revision).toMatchObject({ revision: 2n, author: 'alice', created: 1, updated: 1, deleted: 0 });
    expect(
      shown.changes.map(({ ref, before, after }) => [ref?.name, before !== undefined, after !== undefined]),
    ).toEqual([
      ['c', false, true],
      ['s', true, true],
    ]);
    for (const revision of [0n, 6n, 2n ** 64n - 1n]) {
      const outcome = await getRevision(context, create(GetRevisionRequestSchema, { revision }));
      expect(outcome).toMatchObject({ failure: { kind: 'notFound' } });
    }
  });

  test.each(['x', Buffer.from('["a"]').toString('base64url'), Buffer.from('[-1]').toString('base64url')])(
    'refuses the page token %s, which it did not give out',
    async (pageToken) => {
      const outcome = await listHistory(context, create(HistoryRequestSchema, { pageToken }));
      expect(outcome).toMatchObject({ failure: { kind: 'invalid' } });
    },
  );
});

describe('a rollback', () => {
  test('makes a new revision with the config of any older one', async () => {
    const states = await makeHistory();
    for (const [index, state] of states.entries()) {
      const target = BigInt(index + 1);
      const before = context.state.config.revision;
      const made = expectDone(await rollBack(context, create(RollbackRequestSchema, { revision: target }), 'bob'));
      expectSame(await exportAll({}), state);
      const isNew = Number(made.revision) === before + 1;
      expect(made.changes.length > 0).toBe(isNew);
      if (isNew) {
        expect(await store.getRevision('config', Number(made.revision))).toMatchObject({
          rollbackOf: index + 1,
          author: 'bob',
        });
      }
    }
    expectDone(await rollBack(context, create(RollbackRequestSchema, { revision: 5n }), 'bob'));
    expectSame(await exportAll({ revision: 1n }), states[0]!);
  });

  test('to a revision that is not there, or with one expected that is not current, is refused', async () => {
    await makeHistory();
    const roll = (init: { revision: bigint; expectedRevision?: bigint; dryRun?: boolean }) =>
      rollBack(context, create(RollbackRequestSchema, init), 'bob');
    expect(await roll({ revision: 6n })).toMatchObject({ failure: { kind: 'notFound' } });
    expect(await roll({ revision: 1n, expectedRevision: 4n })).toMatchObject({ failure: { kind: 'conflict' } });
    expect(expectDone(await roll({ revision: 1n, dryRun: true })).revision).toBe(5n);
    expect(context.state.config.revision).toBe(5);
  });
});

describe('a list', () => {
  test('has the resources by kind and name, in pages, filtered by kind and label', async () => {
    const labels = { team: 'a' };
    expectDone(
      await apply(context, [
        service('b'),
        service('a-1', '127.0.0.1:1', { labels }),
        service('a'),
        nodeGroup('z', { labels }),
      ]),
    );
    const list = async (init: { kind?: string; label?: string; pageSize: number }) => {
      const names: string[] = [];
      let pageToken = '';
      do {
        const page = expectDone(await listResources(context, create(ListRequestSchema, { ...init, pageToken })));
        expect(page.resources.length).toBeLessThanOrEqual(init.pageSize);
        names.push(...page.resources.map(({ resource }) => `${resource?.spec.case}/${resource?.name}`));
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      return names;
    };
    for (const pageSize of [1, 2, 3, 100]) {
      expect(await list({ pageSize })).toEqual(['nodeGroup/z', 'service/a', 'service/a-1', 'service/b']);
      expect(await list({ pageSize, kind: 'Service' })).toEqual(['service/a', 'service/a-1', 'service/b']);
      expect(await list({ pageSize, label: 'team=a' })).toEqual(['nodeGroup/z', 'service/a-1']);
      expect(await list({ pageSize, label: 'team=' })).toEqual([]);
    }
    const outcome = await listResources(context, create(ListRequestSchema, { kind: 'Rout' }));
    expect(outcome).toMatchObject({ failure: { kind: 'invalid', message: 'there is no kind "Rout"' } });
  });
});

async function exportAll(init: { revision?: bigint; pageSize?: number }): Promise<Resource[]> {
  const resources: Resource[] = [];
  let pageToken = '';
  do {
    const page = expectDone(await exportResources(context, create(ExportRequestSchema, { ...init, pageToken })));
    resources.push(...page.resources);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return resources;
}

function expectSame(actual: readonly Resource[], expected: readonly Resource[]): void {
  const keys = (resources: readonly Resource[]) => resources.map(({ spec, name }) => `${spec.case}/${name}`).sort();
  expect(keys(actual)).toEqual(keys(expected));
  for (const resource of expected) {
    expect(actual.some((other) => equals(ResourceSchema, other, resource))).toBe(true);
  }
}
