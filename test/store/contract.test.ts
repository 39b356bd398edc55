import { randomUUID } from 'node:crypto';
import type { Append, Notice, Store, VersionRecord } from '@sluice/control-plane';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isMissing } from '../harness/is-missing.ts';
import { findPostgres } from '../harness/postgres.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type Database, drivers } from './drivers.ts';
import { type Contents, newAppend } from './new-append.ts';

test.skipIf(isMissing('PostgreSQL', findPostgres() === undefined))('both drivers are tested', () => {
  expect(drivers.map(({ name }) => name)).toEqual(['embedded', 'postgres']);
});

describe.each(drivers)('a store, $name', ({ name, create }) => {
  let database: Database;
  let store: Store;

  beforeAll(async () => {
    database = await create();
    store = await database.open();
  });
  afterAll(async () => {
    await store.close();
    await database[Symbol.asyncDispose]();
  });
  /** Each test begins with nothing: kinds of its own keep what others wrote apart. */
  let kind: string;
  let start: number;
  beforeEach(async () => {
    kind = `Kind${randomUUID().slice(0, 8)}`;
    start = (await store.head()).config;
  });
  const append = async (contents: Contents, rest?: Parameters<typeof newAppend>[2]) => {
    const own = Object.fromEntries(Object.entries(contents).map(([item, text]) => [`${kind}/${item}`, text]));
    return store.append(newAppend(await store.head(), own, rest));
  };
  const own = (records: readonly VersionRecord[]) =>
    records
      .filter((record) => record.kind === kind)
      .map(({ name, revision, content }) => [name, revision - start, content && Buffer.from(content).toString()]);

  test('is the driver it says', () => {
    expect(store.driver).toBe(name);
  });

  test('appends revisions one after another, whole, and reads them back as written', async () => {
    const createdAt = new Date('2026-11-21T10:00:00.123Z');
    const digest = new Uint8Array(32).map((_, i) => i);
    const bytes = new Uint8Array(256).map((_, i) => i);
    const revision = {
      createdAt,
      author: 'Zoë "x"; drop table',
      message: 'erste\nZeile',
      digest,
      created: 1,
      updated: 2,
      deleted: 3,
      rollbackOf: 4,
      forced: true,
    };
    const head = await store.head();
    const version = { kind, name: 'a', content: bytes, hash: digest, nodeGroups: ['eu-1', 'b'] };
    const plain = newAppend(head, {});
    expect(await store.append({ ...plain, revision, versions: [version] })).toEqual({ kind: 'appended' });
    expect(await store.head()).toEqual({ ...head, config: start + 1 });
    expect(await store.getRevision('config', start + 1)).toEqual({ revision: start + 1, ...revision });
    const [record] = await store.readSince('config', start, 100);
    expect(record).toEqual({ revision: start + 1, ...revision, versions: [{ revision: start + 1, ...version }] });
    expect(await store.getAt('config', { kind, name: 'a' }, start + 1)).toEqual({ revision: start + 1, ...version });
  });

  test('keeps what is current beside the log', async () => {
    await append({ a: '1', b: '1', c: '1' });
    await append({ a: '2', b: undefined });
    await append({ b: '3', c: undefined });
    expect(own(await store.readCurrent('config', { kind, name: '' }, 1000))).toEqual([
      ['a', 2, '2'],
      ['b', 3, '3'],
    ]);
    expect(own(await store.readCurrent('config', { kind, name: 'a' }, 1))).toEqual([['b', 3, '3']]);
  });

  test('gives pages in byte order, whatever the locale', async () => {
    const names = ['a', 'a-b', 'a0', 'ab', 'b', 'ba'];
    await append(Object.fromEntries(names.toReversed().map((item) => [item, 'x'])));
    const paged: string[] = [];
    let page: VersionRecord[];
    do {
      page = await store.readAt('config', start + 1, kind, paged.at(-1) ?? '', 2);
      paged.push(...page.map((record) => record.name));
    } while (page.length > 0);
    expect(paged).toEqual(names);
    expect(own(await store.readCurrent('config', { kind, name: 'a' }, 3)).map(([item]) => item)).toEqual([
      'a-b',
      'a0',
      'ab',
    ]);
  });

  test('knows how things were at every revision', async () => {
    await append({ a: '1', b: '1' });
    await append({ a: undefined });
    await append({ a: '3', c: '3' });
    const at = async (revision: number) => own(await store.readAt('config', start + revision, kind, '', 100));
    expect(await at(0)).toEqual([]);
    expect(await at(1)).toEqual([
      ['a', 1, '1'],
      ['b', 1, '1'],
    ]);
    expect(await at(2)).toEqual([['b', 1, '1']]);
    expect(await at(3)).toEqual([
      ['a', 3, '3'],
      ['b', 1, '1'],
      ['c', 3, '3'],
    ]);
    expect(await store.getAt('config', { kind, name: 'a' }, start + 2)).toBeUndefined();
    expect(await store.getAt('config', { kind, name: 'nope' }, start + 2)).toBeUndefined();
  });

  test('merges the changes between two revisions, each item once', async () => {
    await append({ same: '1', changed: '1', gone: '1', back: '1' });
    await append({ changed: '2', back: undefined, brief: '2' });
    await append({ changed: '3', gone: undefined, back: '1', brief: undefined, made: '3' });
    const between = async (from: number, to: number, limit = 100) =>
      (await store.readChanges('config', start + from, start + to, limit))?.map(({ name, before, after }) => [
        name,
        before?.content && Buffer.from(before.content).toString(),
        after?.content && Buffer.from(after.content).toString(),
      ]);
    expect(await between(1, 3)).toEqual([
      ['changed', '1', '3'],
      ['gone', '1', undefined],
      ['made', undefined, '3'],
    ]);
    expect(await between(2, 2)).toEqual([]);
    expect(await between(1, 3, 7)).toBeUndefined();
    expect(await between(1, 3, 8)).toHaveLength(3);
  });

  test('reads whole revisions, as many as are asked for but at least one', async () => {
    await append({ a: '1', b: '1', c: '1' });
    await append({ a: '2' });
    await append({ a: '3' });
    const read = async (after: number, maxItems: number) =>
      (await store.readSince('config', start + after, maxItems)).map(({ revision, versions }) => [
        revision - start,
        versions.length,
      ]);
    expect(await read(0, 1)).toEqual([[1, 3]]);
    expect(await read(0, 4)).toEqual([
      [1, 3],
      [2, 1],
    ]);
    expect(await read(1, 100)).toEqual([
      [2, 1],
      [3, 1],
    ]);
    expect(await read(3, 100)).toEqual([]);
  });

  test('lists revisions from the newest', async () => {
    for (const text of ['1', '2', '3']) await append({ a: text });
    const list = async (before: number | undefined, limit: number) =>
      (await store.listRevisions('config', before, limit)).map(({ revision }) => revision - start);
    expect(await list(undefined, 2)).toEqual([3, 2]);
    expect(await list(start + 2, 1)).toEqual([1]);
  });

  test('refuses what was checked against another revision or history, and writes nothing of it', async () => {
    const head = await store.head();
    await append({ a: '1' });
    const late = newAppend(head, { [`${kind}/b`]: '1' }, { answer: makeAnswer('late') });
    const current = { ...head, config: head.config + 1 };
    const missed = await store.readSince('config', head.config, 10);
    expect(missed).toHaveLength(1);
    expect(await store.append(late)).toEqual({ kind: 'behind', head: current, missed });
    const foreign = { ...late, expected: { historyId: 'other', revision: current.config } };
    expect(await store.append(foreign)).toEqual({ kind: 'behind', head: current, missed: [] });
    expect(await store.findWrite('config', late.writeId)).toBeUndefined();
    expect(await store.findAnswer('late')).toBeUndefined();
    expect(await store.head()).toEqual(current);
  });

  test('lets one of many writers at the same revision win', async () => {
    const head = await store.head();
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, i) => store.append(newAppend(head, { [`${kind}/a`]: String(i) }))),
    );
    expect(outcomes.map((outcome) => outcome.kind).sort()).toEqual(['appended', ...Array(7).fill('behind')]);
    expect(
      (await store.readCurrent('config', { kind, name: '' }, 10)).filter((item) => item.kind === kind),
    ).toHaveLength(1);
  });

  test('keeps the facts apart, with versions of their own', async () => {
    const head = await store.head();
    await append({ a: '1' }, { track: 'facts' });
    expect(await store.head()).toEqual({ ...head, facts: head.facts + 1 });
    expect((await store.readSince('facts', head.facts, 10))[0]?.versions).toHaveLength(1);
    expect(await store.getAt('config', { kind, name: 'a' }, 1_000_000)).toBeUndefined();
  });

  test('finds what became of a write', async () => {
    const written = newAppend(await store.head(), { [`${kind}/a`]: '1' });
    await store.append(written);
    expect(await store.findWrite('config', written.writeId)).toBe(start + 1);
    expect(await store.findWrite('facts', written.writeId)).toBeUndefined();
  });

  test('remembers an answer until it expires, and gives it instead of a second write', async () => {
    const key = randomUUID();
    const answer = { ...makeAnswer(key), response: new Uint8Array([1, 2]) };
    expect(await append({ a: '1' }, { answer })).toEqual({ kind: 'appended' });
    const known = { requestHash: answer.requestHash, response: answer.response };
    expect(await append({ a: '2' }, { answer: makeAnswer(key) })).toEqual({ kind: 'answered', answer: known });
    expect(await store.findAnswer(key)).toEqual(known);
    expect((await store.head()).config).toBe(start + 1);
    const old = { ...makeAnswer('old'), createdAt: new Date(0), expiresAt: new Date(1) };
    expect(await append({}, { answer: old, revision: undefined })).toEqual({ kind: 'appended' });
    expect(await store.findAnswer('old')).toBeUndefined();
    expect(await append({ a: '3' }, { answer: makeAnswer('old') })).toEqual({ kind: 'appended' });
  });

  test('stores an answer without a revision', async () => {
    const key = randomUUID();
    expect(await append({}, { revision: undefined, answer: makeAnswer(key) })).toEqual({ kind: 'appended' });
    expect((await store.head()).config).toBe(start);
    expect(await store.findAnswer(key)).toBeDefined();
  });

  test('stores 3,000 items in one revision, and removes them in the next', async () => {
    const items = Array.from({ length: 3000 }, (_, i) => `item-${String(i).padStart(5, '0')}`);
    await append(Object.fromEntries(items.map((item) => [item, 'x'.repeat(500)])));
    expect(await store.readAt('config', start + 1, kind, '', 10_000)).toHaveLength(3000);
    await append(Object.fromEntries(items.map((item) => [item, undefined])));
    expect(own(await store.readCurrent('config', { kind, name: '' }, 10))).toEqual([]);
    expect(await store.readAt('config', start + 1, kind, 'item-02998', 10)).toHaveLength(1);
  });

  test('stores sealed secrets by where they belong', async () => {
    const ref = { kind, name: 'a', field: 'spec.key', fingerprint: 'sha256:0123456789abcdef' };
    const sealed = { ...ref, nonce: new Uint8Array(12), ciphertext: new Uint8Array([0, 255, 3]) };
    await append({ a: '1' }, { secrets: [sealed] });
    await append({ a: '2' }, { secrets: [{ ...sealed, ciphertext: new Uint8Array([9]) }] });
    expect(await store.readSecret(ref)).toEqual(sealed);
    expect(await store.readSecret({ ...ref, name: 'b' })).toBeUndefined();
    expect(await store.hasSecrets([{ ...ref, field: 'other' }, ref])).toEqual([false, true]);
  });

  test('writes the audit with the change', async () => {
    const entry = {
      at: new Date(),
      actor: 'a',
      action: 'apply',
      track: 'config' as const,
      revision: 1,
      target: 't',
      detail: 'd',
    };
    await append({ a: '1' }, { audit: [entry] });
    const [last] = await store.listAudit(undefined, 1);
    expect(last).toEqual({ id: last?.id, ...entry });
    expect((await store.listAudit(last?.id, 5)).every(({ id }) => id < (last?.id ?? 0))).toBe(true);
  });

  test('keeps the first of a token and of a value of the database', async () => {
    const [one, two] = [new Uint8Array([1]), new Uint8Array([2])];
    expect(await store.readToken(kind)).toBeUndefined();
    expect(await store.claimToken(kind, one)).toEqual(one);
    expect(await store.claimToken(kind, two)).toEqual(one);
    expect(await store.readToken(kind)).toEqual(one);
    expect(await store.claimMeta(kind, one)).toEqual(one);
    expect(await store.claimMeta(kind, two)).toEqual(one);
  });

  test('keeps of each node what was seen last', async () => {
    const node = (nodeId: string, seen: number) => ({
      nodeId: `${kind}-${nodeId}`,
      group: 'eu',
      replicaId: 'r1',
      lastSeenAt: new Date(seen),
      state: new Uint8Array([seen]),
    });
    await store.saveNodes([node('b', 1), node('a', 5), node('a', 4)]);
    await store.saveNodes([node('b', 3), node('a', 2)]);
    await store.saveNodes([]);
    const list = async () => (await store.listNodes()).filter(({ nodeId }) => nodeId.startsWith(kind));
    expect(await list()).toEqual([node('a', 5), node('b', 3)]);
  });

  test('gives a command to one of those who ask for its node, while it is young, and its answer to who issued it', async () => {
    const [a, b, c] = [`${kind}-a`, `${kind}-b`, `${kind}-c`];
    const command = new Uint8Array([0, 255]);
    const heard: unknown[] = [];
    const stop = store.subscribe((notice) => heard.push(notice));
    await store.issueCommands(kind, [a, b, c], command);
    await waitFor('the subscriber is told', () => heard.length > 0);
    expect(heard).toContainEqual({ kind: 'issued' });
    expect(await store.takeCommands([], 5000, 10)).toEqual([]);
    expect(await store.takeCommands([a, b], 0, 10)).toEqual([]);
    const both = (await Promise.all([1, 2].map(() => store.takeCommands([a, b, `${kind}-d`], 5000, 10)))).flat();
    expect(both.map(({ nodeId }) => nodeId).sort()).toEqual([a, b]);
    expect(both[0]).toMatchObject({ command, ageMs: expect.any(Number) });
    expect(await store.readCommandAnswers(kind)).toEqual([]);
    const [first, second] = both.sort((x, y) => x.id - y.id);
    await store.answerCommands([
      { id: first!.id, error: '' },
      { id: second!.id, error: 'no', report: command },
    ]);
    await store.answerCommands([]);
    await waitFor('the subscriber is told', () => heard.some((notice) => (notice as Notice)?.kind === 'answered'));
    stop();
    const answers = await store.readCommandAnswers(kind);
    expect(answers.sort((x, y) => (x.nodeId < y.nodeId ? -1 : 1))).toEqual([
      { nodeId: a, error: '' },
      { nodeId: b, error: 'no', report: command },
    ]);
    const [last] = await store.takeCommands([c], 5000, 10);
    expect(last?.nodeId).toBe(c);
  });

  test('issues a command to 3,000 nodes, and takes as many of them as are asked for, the oldest first', async () => {
    const nodeIds = Array.from({ length: 3000 }, (_, i) => `${kind}-${i}`);
    await store.issueCommands(kind, nodeIds, new Uint8Array([1]));
    const taken = await store.takeCommands(nodeIds, 60_000, 500);
    expect(taken.map(({ nodeId }) => nodeId)).toEqual(nodeIds.slice(0, 500));
  });

  test('removes what is older than it need be, and no more rows than it may', async () => {
    const at = (seconds: number) => new Date(seconds * 1000);
    const entry = { actor: 'a', action: 'apply', track: 'config' as const, revision: 1, target: kind, detail: '' };
    const answer = (key: string, expiresAt: Date) => ({ ...makeAnswer(`${kind}-${key}`), createdAt: at(0), expiresAt });
    const node = (nodeId: string, lastSeenAt: Date) => ({
      ...{ nodeId: `${kind}-${nodeId}`, lastSeenAt },
      ...{ group: 'eu', replicaId: 'r1', state: new Uint8Array() },
    });
    const future = at(Date.now() / 1000 + 1000);
    const nothing = { answers: at(0), commands: at(0), audit: at(0), nodes: at(0) };
    // What other tests left goes first.
    while (Object.values(await store.clean({ ...nothing, audit: future, commands: future }, 1000)).some(Boolean));
    await append({}, { answer: answer('old', at(10)), audit: [{ ...entry, at: at(10) }] });
    await append({}, { answer: answer('new', future), audit: [{ ...entry, at: at(20) }] });
    await append({}, { audit: [{ ...entry, at: at(30) }] });
    await store.issueCommands(kind, [kind], new Uint8Array());
    await store.saveNodes([node('old', at(10)), node('new', at(20))]);

    expect(await store.clean(nothing, 100)).toEqual({ answers: 0, commands: 0, audit: 0, nodes: 0 });
    expect(await store.clean({ ...nothing, audit: at(20) }, 1)).toEqual({
      answers: 0,
      commands: 0,
      audit: 1,
      nodes: 0,
    });
    const before = { answers: at(20), commands: at(20), audit: at(20), nodes: at(15) };
    const cleaned = await store.clean(before, 100);
    expect({ ...cleaned, answers: 1, nodes: 1 }).toEqual({ answers: 1, commands: 0, audit: 1, nodes: 1 });
    expect((await store.listAudit(undefined, 10)).map((row) => row.at)).toEqual([at(30)]);
    expect((await store.listNodes()).map(({ nodeId }) => nodeId)).not.toContain(`${kind}-old`);
    expect((await store.listNodes()).map(({ nodeId }) => nodeId)).toContain(`${kind}-new`);
    expect(await store.findAnswer(`${kind}-new`)).toBeDefined();
    expect(await store.clean({ ...nothing, commands: future }, 100)).toMatchObject({ commands: 1 });
  });

  test('tells its subscribers which revision was appended, as long as they want', async () => {
    const heard: unknown[] = [];
    const stop = store.subscribe((notice) => heard.push(notice));
    await append({ a: '1' });
    await waitFor('the subscriber is told', () => heard.length > 0);
    expect(heard).toContainEqual({ kind: 'moved', track: 'config', revision: start + 1 });
    stop();
    const before = heard.length;
    await append({ a: '2' });
    await store.head();
    expect(heard).toHaveLength(before);
  });

  test('begins a new history that goes on with the revisions', async () => {
    const head = await store.head();
    const historyId = await store.newHistory();
    expect(historyId).not.toBe(head.historyId);
    expect(await store.head()).toEqual({ ...head, historyId });
  });

  test('rejects with one line that holds no data where a statement is refused', async () => {
    const twice: Append = newAppend(await store.head(), { [`${kind}/a`]: 'geheim' });
    const broken = { ...twice, versions: [...twice.versions, ...twice.versions] };
    const error = await store.append(broken).catch((reason: unknown) => reason);
    expect(String(error)).toMatch(/^Error: the database refused a statement: .+ \(23505\)$/);
    expect(JSON.stringify(error)).not.toContain('geheim');
    expect(await store.head()).toMatchObject({ config: start });
  });
});

describe.each(drivers)('a store that is opened again, $name', ({ create }) => {
  test('has what was there', async () => {
    await using database = await create();
    const first = await database.open();
    const { historyId } = await first.head();
    await first.append(newAppend(await first.head(), { 'Kind/a': '1' }));
    await first.close();
    await expect(first.head()).rejects.toThrow('the store is closed');
    const second = await database.open();
    expect(await second.head()).toEqual({ historyId, config: 1, facts: 0 });
    await second.close();
  });
});

function makeAnswer(key: string): NonNullable<Append['answer']> {
  return {
    key,
    requestHash: new Uint8Array(32),
    response: new Uint8Array(),
    createdAt: new Date(),
    expiresAt: new Date(Date.now() + 60_000),
  };
}
