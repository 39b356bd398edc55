import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { ResourceSchema } from '@sluice/proto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ActiveSet } from './active-set.ts';
import { type BuildContext, type ItemKey, itemKey, referencesOf, type TrackItem } from './built-item.ts';
import { Tables } from './tables.ts';

const context: BuildContext = {
  group: 'default',
  slots: { route: () => 0, service: () => 0, endpoint: () => 0, limit: () => 0, policy: () => 0 },
};

type SpecInit = NonNullable<MessageInitShape<typeof ResourceSchema>['spec']>;

const KINDS = { service: 'Service', policy: 'Policy', route: 'Route' } as const;

/** @param quality `future`: with field 1000, which this version does not know; `lost`: nothing that decodes */
function item(name: string, spec: SpecInit & { case: keyof typeof KINDS }, quality: Quality): TrackItem {
  const content = toBinary(ResourceSchema, create(ResourceSchema, { name, spec }));
  if (quality === 'future') return { kind: KINDS[spec.case], name, content: Uint8Array.of(...content, 0xc0, 0x3e, 1) };
  return { kind: KINDS[spec.case], name, content: quality === 'lost' ? content.with(0, 0xff) : content };
}

type Quality = 'good' | 'future' | 'lost';

interface Written {
  readonly item: TrackItem;
  readonly references: readonly ItemKey[];
}

const name = fc.constantFrom('a', 'b');
const seconds = fc.integer({ min: 1, max: 3 }).map((value) => ({ seconds: BigInt(value) }));
const quality = fc.constantFrom<Quality>('good', 'good', 'good', 'future', 'lost');

const written: fc.Arbitrary<Written> = fc.oneof<fc.Arbitrary<Written>[]>(
  fc.record({ name, timeout: seconds, quality }).map((each) => ({
    item: item(
      each.name,
      { case: 'service', value: { endpoints: [{ address: '127.0.0.1:1' }], timeout: each.timeout } },
      each.quality,
    ),
    references: [],
  })),
  fc.record({ name, timeout: seconds, quality }).map((each) => ({
    item: item(each.name, { case: 'policy', value: { timeout: each.timeout } }, each.quality),
    references: [],
  })),
  fc
    .record({ name, service: name, policies: fc.uniqueArray(name, { maxLength: 2 }), timeout: seconds, quality })
    .map(({ name: own, quality: how, ...value }) => ({
      item: item(own, { case: 'route', value }, how),
      references: [`Service/${value.service}`, ...value.policies.map((policy): ItemKey => `Policy/${policy}`)],
    })),
);

type Step = { readonly kind: 'put'; readonly written: Written } | { readonly kind: 'remove'; readonly key: ItemKey };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: written.map((each) => ({ kind: 'put' as const, written: each })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...Object.values(KINDS)), name)
      .map(([kind, which]) => ({ kind: 'remove' as const, key: `${kind}/${which}` as const })),
  },
);

const revision = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 4 }),
  way: fc.constantFrom<'delta' | 'snapshot' | 'restart'>('delta', 'delta', 'snapshot', 'restart'),
});

/** The control plane refuses references to what is not there. */
function withoutDangling(state: ReadonlyMap<ItemKey, Written>): Map<ItemKey, Written> {
  return new Map([...state].filter(([, { references }]) => references.every((key) => state.has(key))));
}

function nextState(state: ReadonlyMap<ItemKey, Written>, steps: readonly Step[]): Map<ItemKey, Written> {
  const next = new Map(state);
  for (const each of steps) {
    if (each.kind === 'remove') next.delete(each.key);
    else next.set(itemKey(each.written.item), each.written);
  }
  return withoutDangling(next);
}

function expectSound(set: ActiveSet, tables: Tables, state: ReadonlyMap<ItemKey, Written>): void {
  const whole = set.wholeChange().upserts;
  const active = new Map(whole.map((each) => [itemKey(each), each]));
  const needed = new Set<ItemKey>();
  for (const built of set.activeItems()) {
    const key = itemKey(built);
    if (active.get(key)!.unavailable !== undefined) continue;
    expect(referencesOf(built).filter((reference) => !active.has(reference))).toEqual([]);
    if (set.held.has(key)) for (const reference of referencesOf(built)) needed.add(reference);
  }
  expect([...active.keys()].filter((key) => !state.has(key) && !needed.has(key))).toEqual([]);
  for (const [key, { item: latest }] of state) {
    const held = set.held.get(key);
    const serves = active.get(key)?.unavailable === undefined && active.has(key);
    if (held === undefined) expect(active.get(key)).toEqual({ ...latest, unavailable: undefined });
    else expect(held.lastGood).toBe(serves);
  }
  if (set.held.size === 0) expect(active.size).toBe(state.size);
  const scratch = new Tables({ ...context, listeners: [] });
  scratch.commit(scratch.stage(set.wholeChange()));
  expect([...tables.endpointSlots()]).toEqual([...scratch.endpointSlots()]);
}

test('whatever comes, what is active refers to nothing that is missing, and is the latest but for what is held', () => {
  fc.assert(
    fc.property(fc.array(revision, { maxLength: 10 }), (revisions) => {
      let set = new ActiveSet(context);
      let tables = new Tables({ ...context, listeners: [] });
      let state = new Map<ItemKey, Written>();
      for (const { steps, way } of revisions) {
        const next = nextState(state, steps);
        const planned = set.plan({
          upserts: [...next]
            .filter(([key, each]) => way === 'snapshot' || state.get(key) !== each)
            .map(([, each]) => each.item),
          removals:
            way === 'snapshot'
              ? []
              : [...state.values()].map((each) => each.item).filter((each) => !next.has(itemKey(each))),
          snapshot: way === 'snapshot',
        });
        set.make(planned);
        tables.commit(tables.stage(planned.change));
        state = next;
        if (way === 'restart') {
          const restored = ActiveSet.restore(context, [...set.latestItems()], set.lastGoodItems());
          expect(restored.set.held).toEqual(set.held);
          expect(new Set(restored.change.upserts)).toEqual(new Set(set.wholeChange().upserts));
          set = restored.set;
          tables = new Tables({ ...context, listeners: [] });
          tables.commit(tables.stage(restored.change));
        }
        expectSound(set, tables, state);
      }
    }),
    { numRuns: 500 },
  );
});
