import { create, toBinary } from '@bufbuild/protobuf';
import { CacheRecordSchema, Track, type Update, UpdateSchema, WatchResponseSchema } from '@sluice/proto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeCacheRecord, decodeWatchResponse, itemsOf } from './partly-decoded.ts';

const item = fc.record({
  kind: fc.constantFrom('ApiKey', 'Route'),
  name: fc.string({ maxLength: 9 }),
  content: fc.uint8Array({ maxLength: 300 }),
});
const update = fc
  .record({
    track: fc.constantFrom(Track.CONFIG, Track.FACTS),
    revision: fc.bigInt({ min: 0n, max: 2n ** 60n }),
    digest: fc.uint8Array({ maxLength: 32 }),
    upserts: fc.array(item, { maxLength: 5 }),
    removals: fc.array(fc.record({ kind: fc.constant('ApiKey'), name: fc.string({ maxLength: 9 }) }), { maxLength: 3 }),
    snapshot: fc.boolean(),
    more: fc.boolean(),
  })
  .map((init) => create(UpdateSchema, init));

/** As `fromBinary` would have it. */
function whole(value: Update) {
  const { track, revision, digest, removals, snapshot, more } = value;
  return {
    ...{ track, revision, digest: [...digest], removals, snapshot, more },
    upserts: [...itemsOf(value)].map(({ kind, name, content }) => ({ kind, name, content: [...content] })),
  };
}

test('an update that is decoded item by item is the one that was sent, from the control plane and from the cache', () => {
  fc.assert(
    fc.property(update, (value) => {
      const response = create(WatchResponseSchema, { message: { case: 'update', value } });
      const { message } = decodeWatchResponse(toBinary(WatchResponseSchema, response));
      const record = create(CacheRecordSchema, { record: { case: 'update', value } });
      const read = decodeCacheRecord(toBinary(CacheRecordSchema, record)).record;
      if (message.case !== 'update' || read.case !== 'update') throw new Error('not an update');
      expect(whole(message.value)).toEqual(whole(value));
      expect(whole(read.value)).toEqual(whole(value));
      expect(message.value.upserts).toEqual([]);
    }),
  );
});

test('other messages, and an update beside what no version knows, are decoded as ever', () => {
  const heartbeat = create(WatchResponseSchema, { message: { case: 'heartbeat', value: { revision: 7n } } });
  expect(decodeWatchResponse(toBinary(WatchResponseSchema, heartbeat))).toEqual(heartbeat);
  expect(decodeWatchResponse(new Uint8Array())).toEqual(create(WatchResponseSchema));
  const value = { track: Track.FACTS, upserts: [{ kind: 'ApiKey', name: 'k' }] };
  const bytes = toBinary(WatchResponseSchema, create(WatchResponseSchema, { message: { case: 'update', value } }));
  const { message } = decodeWatchResponse(Buffer.concat([bytes, Buffer.from([0xf8, 0x3f, 1])]));
  expect(message.case === 'update' && message.value.upserts.map(({ name }) => name)).toEqual(['k']);
});

test('damage is an error when it is decoded, or when its items are', () => {
  const value = { track: Track.FACTS, upserts: [{ kind: 'ApiKey', name: 'k', content: Buffer.from('content') }] };
  const bytes = toBinary(WatchResponseSchema, create(WatchResponseSchema, { message: { case: 'update', value } }));
  const read = (damaged: Uint8Array) => {
    const { message } = decodeWatchResponse(damaged);
    return message.case === 'update' ? [...itemsOf(message.value)] : [];
  };
  expect(read(bytes)).toHaveLength(1);
  for (let length = 1; length < bytes.length; length++) expect(() => read(bytes.subarray(0, length))).toThrow();
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
      const damaged = Buffer.from(bytes);
      damaged[at] = byte;
      try {
        read(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
  );
});
