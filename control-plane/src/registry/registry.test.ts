import { create } from '@bufbuild/protobuf';
import { createLog, INSTANCE_KIND } from '@sluice/engine';
import {
  DeregisterInstanceRequestSchema,
  HeartbeatRequestSchema,
  ListInstancesRequestSchema,
  RegisterInstanceRequestSchema,
  ResourceSchema,
} from '@sluice/proto';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { apply, expectDone, openContext, remove, service } from '../config/testing/resources.ts';
import { type BreakableStore, breakable } from '../store/testing/breakable-store.ts';
import { type MemoryStore, openMemoryStore } from '../store/testing/memory-store.ts';
import { Heartbeats } from './heartbeats.ts';
import { InstanceExpiry } from './instance-expiry.ts';
import { deregisterInstance, heartbeat, listInstances, type RegistryContext, registerInstance } from './instances.ts';

let memory: MemoryStore;
let store: BreakableStore;
let context: RegistryContext;

const registered = (name: string, seconds?: number) =>
  create(ResourceSchema, {
    name,
    spec: {
      case: 'service',
      value: {
        discovery: {
          source: { case: 'registry', value: seconds === undefined ? {} : { ttl: { seconds: BigInt(seconds) } } },
        },
      },
    },
  });

beforeAll(async () => {
  memory = await openMemoryStore();
});
afterAll(() => memory.close());
beforeEach(async () => {
  await context?.state.close();
  await memory.reset();
  store = breakable(memory);
  const heartbeats = new Heartbeats((names) => store.saveHeartbeats(names, false));
  context = { ...(await openContext(store)), heartbeats };
  expectDone(await apply(context, [registered('users', 1), registered('slow'), service('fixed')]));
});

const register = (
  address: string,
  more: { service?: string; weight?: number; zone?: string } = {},
  most?: { ofService: number; ofAll: number },
) =>
  registerInstance(
    context,
    create(RegisterInstanceRequestSchema, { instance: { service: 'users', address, ...more } }),
    'alice',
    most,
  );
const beat = (address: string, of = 'users') =>
  heartbeat(context, create(HeartbeatRequestSchema, { service: of, address }));
const leave = (address: string) =>
  deregisterInstance(context, create(DeregisterInstanceRequestSchema, { service: 'users', address }), 'alice');
const addresses = async (of = '', pageSize = 0, pageToken = '') => {
  const request = create(ListInstancesRequestSchema, { service: of, pageSize, pageToken });
  const { instances, nextPageToken } = expectDone(await listInstances(context, request));
  return { shown: instances.map((each) => `${each.service} ${each.address}`), nextPageToken };
};
const refusal = async (outcome: Promise<{ ok: boolean; failure?: { kind: string } }>) => (await outcome).failure?.kind;

test('an instance registers, says that it is there, and leaves; only what changes makes a version of the facts', async () => {
  const first = expectDone(await register('10.0.0.1:80'));
  expect(first).toMatchObject({ ttl: { seconds: 1n }, factsVersion: 1n });
  expect(expectDone(await register('10.0.0.1:80')).factsVersion).toBe(1n);
  expect(expectDone(await register('10.0.0.1:80', { weight: 3, zone: 'a' })).factsVersion).toBe(2n);
  expect(expectDone(await register('B.example:80')).factsVersion).toBe(3n);
  expect(expectDone(await beat('b.EXAMPLE:80'))).toMatchObject({ ttl: { seconds: 1n } });
  expect(context.state.facts.revision).toBe(3);
  expect(context.state.config.revision).toBe(1);
  expect((await addresses()).shown).toEqual(['users 10.0.0.1:80', 'users b.example:80']);
  expect(expectDone(await leave('10.0.0.1:80')).factsVersion).toBe(4n);
  expect(expectDone(await leave('10.0.0.1:80')).factsVersion).toBe(4n);
  expect(await refusal(beat('10.0.0.1:80'))).toBe('notFound');
  expect((await addresses()).shown).toEqual(['users b.example:80']);
});

test('a service that says nothing of it has a ttl of 30 s', async () => {
  expect(expectDone(await register('10.0.0.1:80', { service: 'slow' }))).toMatchObject({ ttl: { seconds: 30n } });
});

test('instances are listed a page at a time', async () => {
  for (let n = 1; n <= 5; n++) expectDone(await register(`10.0.0.${n}:80`, n === 5 ? { service: 'slow' } : {}));
  const first = await addresses('users', 3);
  expect(first.shown).toEqual(['users 10.0.0.1:80', 'users 10.0.0.2:80', 'users 10.0.0.3:80']);
  expect(await addresses('users', 3, first.nextPageToken)).toEqual({ shown: ['users 10.0.0.4:80'], nextPageToken: '' });
  expect((await addresses()).shown).toHaveLength(5);
});

describe('is refused', () => {
  test.each(['10.0.0.1:0', '10.0.0.1:65536', '10.0.0.256:80', '[::g]:80', '-a:80', 'a..b:80'])(
    'the address %s',
    async (address) => {
      expect(await refusal(register(address))).toBe('invalid');
      expect(context.state.facts.revision).toBe(0);
    },
  );

  test('a service that is not there, or whose instances do not register', async () => {
    expect(await refusal(register('10.0.0.1:80', { service: 'nobody' }))).toBe('notFound');
    expect(await refusal(register('10.0.0.1:80', { service: 'fixed' }))).toBe('failedPrecondition');
  });

  test('one more than there may be of a service, and of all', async () => {
    const most = { ofService: 2, ofAll: 3 };
    expectDone(await register('10.0.0.1:80', {}, most));
    expectDone(await register('10.0.0.2:80', {}, most));
    expect(await refusal(register('10.0.0.3:80', {}, most))).toBe('exhausted');
    expectDone(await register('10.0.0.2:80', { weight: 2 }, most));
    expectDone(await register('10.0.0.1:80', { service: 'slow' }, most));
    expect(await refusal(register('10.0.0.2:80', { service: 'slow' }, most))).toBe('exhausted');
  });

  test('everything while the database is away', async () => {
    expectDone(await register('10.0.0.1:80'));
    store.away = true;
    expect(await refusal(beat('10.0.0.1:80'))).toBe('unavailable');
    expect(await refusal(register('10.0.0.2:80'))).toBe('unavailable');
  });
});

test('heartbeats that come together are written together', async () => {
  const writes: string[][] = [];
  let release = (): void => undefined;
  const heartbeats = new Heartbeats(async (names) => {
    writes.push([...names]);
    await new Promise<void>((resolve) => {
      release = resolve;
    });
  });
  const first = heartbeats.save('a');
  await vi.waitFor(() => expect(writes).toHaveLength(1));
  const others = ['b', 'c', 'b'].map((name) => heartbeats.save(name));
  release();
  await first;
  await vi.waitFor(() => expect(writes).toHaveLength(2));
  release();
  await Promise.all(others);
  expect(writes).toEqual([['a'], ['b', 'c']]);
});

describe('an instance that is not heard of', () => {
  let nowMs = 0;
  const closing: InstanceExpiry[] = [];
  afterAll(() => Promise.all(closing.map((each) => each.close())));

  /** Looks when it is told to, with a clock of its own. */
  function openExpiry(): InstanceExpiry {
    const log = createLog(
      'error',
      () => undefined,
      () => new Date(),
    );
    const expiry = new InstanceExpiry({ context, store, log, intervalMs: 3_600_000, clock: () => nowMs });
    closing.push(expiry);
    return expiry;
  }
  const has = (address: string): boolean => context.state.facts.get(INSTANCE_KIND, `users/${address}`) !== undefined;
  const becomesLate = () =>
    vi.waitFor(async () => expect(await store.listLateInstances(1_000, 10)).not.toEqual([]), { timeout: 30_000 });

  test('for the ttl is taken away, and one that is heard of stays', async () => {
    expectDone(await register('10.0.0.1:80'));
    const expiry = openExpiry();
    nowMs = 0;
    await expiry.look();
    await becomesLate();
    expectDone(await register('10.0.0.2:80', { service: 'slow' }));
    // Who has only been there for less than the ttl may have missed a heartbeat.
    nowMs = 1_000;
    await expiry.look();
    expect(has('10.0.0.1:80')).toBe(true);
    nowMs = 1_001;
    await expiry.look();
    expect((await addresses()).shown).toEqual(['slow 10.0.0.2:80']);
    expect(await refusal(beat('10.0.0.1:80'))).toBe('notFound');
    expect(context.state.config.revision).toBe(1);
  });

  test('while the control plane was away, stood still, or had no database, has its whole ttl again', async () => {
    expectDone(await register('10.0.0.1:80'));
    await becomesLate();
    const another = openExpiry();
    nowMs = 10_000;
    await another.look();
    // A new process, then one that stood still.
    nowMs = 10_900;
    await another.look();
    nowMs += 100 * 3_600_000;
    await another.look();
    nowMs += 900;
    await another.look();
    store.away = true;
    nowMs += 200;
    await another.look();
    store.away = false;
    await another.look();
    nowMs += 900;
    await another.look();
    expect(has('10.0.0.1:80')).toBe(true);
    nowMs += 200;
    await another.look();
    expect(has('10.0.0.1:80')).toBe(false);
  });

  test('of a service that is gone goes too, in its time', async () => {
    expectDone(await register('10.0.0.1:80'));
    expectDone(await remove(context, ['Service/users']));
    const expiry = openExpiry();
    nowMs = 0;
    await expiry.look();
    await becomesLate();
    nowMs = 5_000;
    await expiry.look();
    // Nobody knows its ttl any more: it has the default one.
    expect(has('10.0.0.1:80')).toBe(true);
  });
});
