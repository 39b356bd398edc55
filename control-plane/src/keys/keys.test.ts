import { hash } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  CreateKeyRequestSchema,
  ListKeysRequestSchema,
  RevokeKeyRequestSchema,
  RollbackRequestSchema,
  RotateKeyRequestSchema,
} from '@sluice/proto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ControlContext } from '../config/context.ts';
import { rollBack } from '../config/rollback.ts';
import { apply, consumer, expectDone, openContext, remove } from '../config/testing/resources.ts';
import { type MemoryStore, openMemoryStore } from '../store/testing/memory-store.ts';
import { findKey } from './change-key.ts';
import { createKey } from './create-key.ts';
import { makeKeySecret } from './key-secret.ts';
import { listKeys } from './list-keys.ts';
import { revokeKey } from './revoke-key.ts';
import { rotateKey } from './rotate-key.ts';

let store: MemoryStore;
let context: ControlContext;
let now = new Date('2026-11-21T12:00:00Z');

beforeAll(async () => {
  store = await openMemoryStore();
});
afterAll(() => store.close());
beforeEach(async () => {
  await context?.state.close();
  await store.reset();
  now = new Date('2026-11-21T12:00:00Z');
  context = await openContext(store, { now: () => now });
  expectDone(await apply(context, [consumer('ci')]));
});

const make = (init: { name?: string; consumer?: string; idempotencyKey?: string } = {}) =>
  createKey(context, create(CreateKeyRequestSchema, { name: 'k', consumer: 'ci', ...init }), 'alice');
const revoke = (name: string) => revokeKey(context, create(RevokeKeyRequestSchema, { name }), 'bob');

describe('a new key', () => {
  test('shows its secret once; its hash is stored, and goes to every group', async () => {
    const made = expectDone(await make());
    expect(made.secret).toMatch(/^slk_[A-Za-z0-9]{40}$/);
    expect(made.factsVersion).toBe(1n);
    expect(made.key).toMatchObject({ name: 'k', consumer: 'ci', prefix: made.secret.slice(0, 12), enabled: true });
    const stored = findKey(context.state.facts, 'k')!;
    expect(Buffer.from(stored.hash).toString('hex')).toBe(hash('sha256', made.secret));
    expect(timestampDate(stored.createdAt!)).toEqual(now);
    expect(context.state.facts.snapshot('any').items.map(({ kind, name }) => `${kind}/${name}`)).toEqual(['ApiKey/k']);
    expect(await store.dump()).not.toContain(made.secret.slice(12));
  });

  test('is no part of the revisions', async () => {
    expectDone(await make());
    expect(await store.head()).toMatchObject({ config: 1, facts: 1 });
  });

  test('without a name is named after its consumer', async () => {
    const first = expectDone(await make({ name: '' })).key?.name;
    const second = expectDone(await make({ name: '' })).key?.name;
    expect(first).toMatch(/^ci-[a-z0-9]{8}$/);
    expect(second).not.toBe(first);
    const long = 'c'.repeat(63);
    expectDone(await apply(context, [consumer(long)]));
    expect(expectDone(await make({ name: '', consumer: long })).key?.name).toHaveLength(63);
  });

  test.each([
    { why: 'its name is taken', init: { name: 'taken' }, kind: 'alreadyExists' },
    { why: 'its consumer is not there', init: { consumer: 'nobody' }, kind: 'failedPrecondition' },
  ])('is refused where $why', async ({ init, kind }) => {
    expectDone(await make({ name: 'taken' }));
    expect(await make(init)).toMatchObject({ ok: false, failure: { kind } });
    expect(context.state.facts.revision).toBe(1);
  });

  test('that is expired already is refused', async () => {
    const request = create(CreateKeyRequestSchema, { consumer: 'ci', expiresAt: timestampFromDate(now) });
    expect(await createKey(context, request, 'alice')).toMatchObject({ failure: { kind: 'invalid' } });
  });

  test('that overrides limits obeys the rules that its consumer would', async () => {
    const request = create(CreateKeyRequestSchema, {
      name: 'k',
      consumer: 'ci',
      rateLimits: [{ name: 'x', algorithm: { case: 'slidingWindow', value: {} } }],
    });
    const outcome = await createKey(context, request, 'alice');
    expect(outcome).toMatchObject({ failure: { kind: 'invalid' } });
    if (outcome.ok || outcome.failure.kind !== 'invalid') return;
    expect(outcome.failure.problems.map(({ kind, name, field }) => `${kind}/${name} ${field}`)).toContain(
      'ApiKey/k rateLimits[0].slidingWindow.per',
    );
  });

  test('asked for twice with one idempotency key is made once', async () => {
    expectDone(await make({ name: '', idempotencyKey: 'i' }));
    expect(await make({ name: '', idempotencyKey: 'i' })).toMatchObject({ failure: { kind: 'alreadyExists' } });
    expect(await make({ name: 'z', idempotencyKey: 'i' })).toMatchObject({ failure: { kind: 'invalid' } });
    expect(context.state.facts.size).toBe(1);
  });
});

describe('a revoked key', () => {
  test('is gone for good: a rollback to before does not bring it back', async () => {
    expectDone(await make());
    expectDone(await apply(context, [consumer('other')]));
    expect(expectDone(await revoke('k')).factsVersion).toBe(2n);
    expectDone(await rollBack(context, create(RollbackRequestSchema, { revision: 1n }), 'bob'));
    expect(findKey(context.state.facts, 'k')).toBeUndefined();
    expect(await store.getAt('facts', { kind: 'ApiKey', name: 'k' }, 2)).toBeUndefined();
    expect((await context.state.facts.deltaSince(1, 'any'))?.removals).toEqual([{ kind: 'ApiKey', name: 'k' }]);
  });

  test('that was not there is not found', async () => {
    expect(await revoke('k')).toMatchObject({ failure: { kind: 'notFound' } });
  });
});

describe('a rotated key', () => {
  const rotate = (graceSeconds?: number) =>
    rotateKey(
      context,
      create(RotateKeyRequestSchema, {
        name: 'k',
        ...(graceSeconds === undefined ? {} : { grace: { seconds: BigInt(graceSeconds) } }),
      }),
      'bob',
    );

  test.each([
    { grace: undefined, until: '2026-11-22T12:00:00.000Z' },
    { grace: 60, until: '2026-11-21T12:01:00.000Z' },
    { grace: 0, until: undefined },
  ])('with a grace of $grace s keeps the old secret until $until', async ({ grace, until }) => {
    const first = expectDone(await make());
    const second = expectDone(await rotate(grace));
    const stored = findKey(context.state.facts, 'k')!;
    expect(Buffer.from(stored.hash).toString('hex')).toBe(hash('sha256', second.secret));
    const kept = until === undefined ? '' : hash('sha256', first.secret);
    expect(Buffer.from(stored.previousHash).toString('hex')).toBe(kept);
    expect(stored.previousExpiresAt && timestampDate(stored.previousExpiresAt).toISOString()).toBe(until);
    expect(stored.prefix).toBe(second.secret.slice(0, 12));
  });

  test('twice forgets the first secret', async () => {
    expectDone(await make());
    const second = expectDone(await rotate(60));
    expectDone(await rotate(60));
    expect(Buffer.from(findKey(context.state.facts, 'k')!.previousHash).toString('hex')).toBe(
      hash('sha256', second.secret),
    );
  });
});

test('keys are listed by name, in pages, by consumer, and never with a hash', async () => {
  expectDone(await apply(context, [consumer('x')]));
  for (const [name, owner] of [
    ['b', 'ci'],
    ['a', 'x'],
    ['c', 'ci'],
  ] as const) {
    expectDone(await make({ name, consumer: owner }));
  }
  const list = async (init: { consumer?: string; pageSize?: number; pageToken?: string }) =>
    expectDone(await listKeys(context, create(ListKeysRequestSchema, init)));
  const first = await list({ pageSize: 2 });
  expect(first.keys.map(({ name }) => name)).toEqual(['a', 'b']);
  expect((await list({ pageSize: 2, pageToken: first.nextPageToken })).keys.map(({ name }) => name)).toEqual(['c']);
  expect((await list({ consumer: 'ci' })).keys.map(({ name }) => name)).toEqual(['b', 'c']);
  expect(first.keys.every(({ hash, previousHash }) => hash.length + previousHash.length === 0)).toBe(true);
});

test('deleting a consumer warns of its keys, which stay', async () => {
  expectDone(await make());
  const gone = expectDone(await remove(context, ['Consumer/ci']));
  expect(gone.warnings.map(({ name, message }) => `${name}: ${message}`)).toEqual([
    'ci: its API key will authenticate nobody',
  ]);
  expect(context.state.facts.size).toBe(1);
});

test('who did what to which key is in the audit', async () => {
  expectDone(await make());
  expectDone(await revoke('k'));
  expect(
    (await store.listAudit(undefined, 2)).map(({ actor, action, target, track, revision }) => ({
      actor,
      action,
      target,
      track,
      revision,
    })),
  ).toEqual([
    { actor: 'bob', action: 'key.revoke', target: 'ApiKey/k', track: 'facts', revision: 2 },
    { actor: 'alice', action: 'key.create', target: 'ApiKey/k', track: 'facts', revision: 1 },
  ]);
});

test('secrets use every letter and digit, and no two are alike', () => {
  const secrets = Array.from({ length: 500 }, () => makeKeySecret().secret.slice(4));
  expect(new Set(secrets).size).toBe(500);
  expect(new Set(secrets.join('')).size).toBe(62);
});
