import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OVERFLOW_SLOT } from '../shared/index.ts';
import { KnownSlots, packChange, unpackChange } from './packed-change.ts';

const name = fc.string({ unit: 'grapheme', maxLength: 12 });
const slots = fc.array(fc.tuple(name, fc.nat()), { maxLength: 4 });

test('a packed change unpacks to what it was', () => {
  const changes = fc.record({
    change: fc.record({
      upserts: fc.array(
        fc.record({
          kind: name,
          name,
          unavailable: fc.option(name, { nil: undefined }),
          content: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
          secrets: fc.array(fc.record({ field: name, fingerprint: name, value: name }), { maxLength: 2 }),
        }),
      ),
      removals: fc.array(fc.record({ kind: name, name })),
    }),
    slots: fc.record({ routes: slots, services: slots, endpoints: slots, limits: slots, policies: slots }),
  });
  fc.assert(
    fc.property(changes, (given) => {
      expect(unpackChange(packChange(given.change, given.slots))).toEqual(given);
    }),
  );
});

test('a name that was never given a slot has the one that all without room share', () => {
  const known = new KnownSlots();
  known.learn({ routes: [['r', 3]], services: [], endpoints: [['s/h:1', 4]], limits: [], policies: [] });
  expect([known.route('r'), known.endpoint('s', 'h:1')]).toEqual([3, 4]);
  expect(known.service('s')).toBe(OVERFLOW_SLOT);
});
