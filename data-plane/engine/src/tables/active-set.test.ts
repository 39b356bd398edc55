import { create, toBinary } from '@bufbuild/protobuf';
import { ResourceSchema } from '@sluice/proto';
import { describe, expect, test } from 'vitest';
import { ActiveSet, type PlannedChange, type TrackChange } from './active-set.ts';
import type { BuildContext, TrackItem } from './built-item.ts';

const context: BuildContext = {
  group: 'default',
  slots: { route: () => 0, service: () => 0, endpoint: () => 0, limit: () => 0, policy: () => 0 },
};

function service(port: number): TrackItem {
  const value = { endpoints: [{ address: `127.0.0.1:${port}` }] };
  return {
    kind: 'Service',
    name: 's',
    content: toBinary(ResourceSchema, create(ResourceSchema, { name: 's', spec: { case: 'service', value } })),
  };
}

function route(name: string, timeoutSeconds = 1): TrackItem {
  const value = { service: 's', timeout: { seconds: BigInt(timeoutSeconds) } };
  return {
    kind: 'Route',
    name,
    content: toBinary(ResourceSchema, create(ResourceSchema, { name, spec: { case: 'route', value } })),
  };
}

/** The same with field 1000 of the resource, which this version does not know. */
function fromTheFuture(item: TrackItem): TrackItem {
  return { ...item, content: Uint8Array.of(...item.content, 0xc0, 0x3e, 1) };
}

function apply(set: ActiveSet, change: Partial<TrackChange>): PlannedChange {
  const planned = set.plan({ upserts: [], removals: [], snapshot: false, ...change });
  set.make(planned);
  return planned;
}

describe('what a node cannot build', () => {
  test('and never could takes its requests to refuse them, and serves once it can be built', () => {
    const set = new ActiveSet(context);
    const bad = fromTheFuture(route('r'));
    const { change, held } = apply(set, { upserts: [service(1), bad] });
    expect(change.upserts[1]).toEqual({ ...bad, unavailable: expect.stringContaining('number 1000') });
    expect([...held.values()]).toMatchObject([{ kind: 'Route', name: 'r', lastGood: false }]);
    expect(apply(set, { upserts: [service(2)] }).change.upserts).toMatchObject([{ kind: 'Service' }]);
    const restored = ActiveSet.restore(context, [...set.latestItems()], set.lastGoodItems());
    expect(restored.set.held).toEqual(set.held);
    expect(restored.change.upserts).toEqual(set.wholeChange().upserts);
    expect(apply(set, { upserts: [route('r', 2)] })).toMatchObject({
      change: { upserts: [{ name: 'r', unavailable: undefined }] },
      held: new Map(),
    });
  });

  test('is what the version does not enforce, too', () => {
    const value = { endpoints: [{ address: '127.0.0.1:1' }], tls: {} };
    const resource = create(ResourceSchema, { name: 's', spec: { case: 'service', value } });
    const set = new ActiveSet(context);
    const { held } = apply(set, {
      upserts: [{ kind: 'Service', name: 's', content: toBinary(ResourceSchema, resource) }],
    });
    expect([...held.values()]).toMatchObject([{ reason: 'spec.tls: tls is not supported by this version' }]);
  });

  test('and can be after a restart, needs nothing of what it did before', () => {
    const latest = [route('r')];
    const other = { ...service(1), name: 'gone' };
    const { set, change } = ActiveSet.restore(context, [service(2), ...latest], [other]);
    expect(set.held.size).toBe(0);
    expect(change.upserts.map(({ name }) => name)).toEqual(['s', 'r']);
    expect(set.lastGoodItems()).toEqual([]);
  });

  test('stays at its last good version, and so do changed items that refer to it', () => {
    const set = new ActiveSet(context);
    apply(set, { upserts: [service(1), route('r'), route('other')] });
    const { change, held } = apply(set, { upserts: [fromTheFuture(service(2)), route('r', 9)] });
    expect(change).toEqual({ upserts: [], removals: [] });
    expect([...held.values()]).toEqual([
      { kind: 'Service', name: 's', lastGood: true, reason: expect.stringContaining('does not know: number 1000') },
      {
        kind: 'Route',
        name: 'r',
        lastGood: true,
        reason: expect.stringContaining('refers to Service/s, which is held'),
      },
    ]);
  });

  test('does not keep later changes from becoming active, and is active itself once it can be built', () => {
    const set = new ActiveSet(context);
    apply(set, { upserts: [service(1), route('r')] });
    apply(set, { upserts: [fromTheFuture(route('r', 2))] });
    expect(apply(set, { upserts: [service(2)] }).change.upserts).toMatchObject([{ kind: 'Service' }]);
    const { change, held } = apply(set, { upserts: [route('r', 3)] });
    expect(change.upserts).toMatchObject([{ kind: 'Route', unavailable: undefined }]);
    expect(held.size).toBe(0);
  });

  test('refuses where it has no good version, and serves again once what it refers to can be built', () => {
    const set = new ActiveSet(context);
    const { change } = apply(set, { upserts: [fromTheFuture(service(1)), route('r')] });
    expect(change.upserts).toEqual([{ ...route('r'), unavailable: expect.stringContaining('refers to Service/s') }]);
    const healed = apply(set, { upserts: [service(1)] });
    expect(healed.change.upserts).toMatchObject([
      { kind: 'Service' },
      { kind: 'Route', name: 'r', unavailable: undefined },
    ]);
    expect(healed.held.size).toBe(0);
  });

  test('keeps what its last good version refers to, until it is held no more', () => {
    const set = new ActiveSet(context);
    apply(set, { upserts: [service(1), route('r')] });
    const { change } = apply(set, {
      upserts: [fromTheFuture(route('r'))],
      removals: [{ kind: 'Service', name: 's' }],
    });
    expect(change.removals).toEqual([]);
    const later = apply(set, { removals: [{ kind: 'Route', name: 'r' }] });
    expect(later.change.removals).toEqual(
      expect.arrayContaining([
        { kind: 'Route', name: 'r' },
        { kind: 'Service', name: 's' },
      ]),
    );
    expect(set.wholeChange()).toEqual({ upserts: [], removals: [] });
  });

  test('keeps serving what refers to it and did not change, also after a snapshot that repeats it and after a restore', () => {
    const set = new ActiveSet(context);
    apply(set, { upserts: [service(1), route('r')] });
    apply(set, { upserts: [fromTheFuture(service(2))] });
    const resync = apply(set, { upserts: [fromTheFuture(service(2)), route('r')], snapshot: true });
    expect(resync.change).toEqual({ upserts: [], removals: [] });
    expect([...resync.held.keys()]).toEqual(['Service/s']);
    const restored = ActiveSet.restore(context, [...set.latestItems()], set.lastGoodItems());
    expect(restored.set.held).toEqual(set.held);
    expect(restored.change.upserts.map(({ name, unavailable }) => [name, unavailable])).toEqual([
      ['s', undefined],
      ['r', undefined],
    ]);
  });

  test('is the same after the set was saved and restored', () => {
    const set = new ActiveSet(context);
    apply(set, { upserts: [service(1), route('r')] });
    apply(set, { upserts: [fromTheFuture(service(2)), route('new')], removals: [{ kind: 'Route', name: 'r' }] });
    const restored = ActiveSet.restore(context, [...set.latestItems()], set.lastGoodItems());
    expect(restored.set.held).toEqual(set.held);
    expect(new Set(restored.change.upserts)).toEqual(new Set(set.wholeChange().upserts));
  });
});
