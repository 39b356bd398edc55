import { create, fromBinary } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import {
  type CacheRecord,
  CacheRecordSchema,
  type Item,
  ItemSchema,
  type Update,
  UpdateSchema,
  type WatchResponse,
  WatchResponseSchema,
} from '@sluice/proto';

const UPSERTS = UpdateSchema.field.upserts.number;

/**
 * Decodes a response but for the items of its update, which {@link itemsOf} decodes one by one. What lives no longer than it is looked at
 * costs a short collection; thousands of items at once are taken for what stays, and found by none but a full one.
 * @throws Error where it is none
 */
export function decodeWatchResponse(bytes: Uint8Array): WatchResponse {
  const value = decodeOnly(WatchResponseSchema.field.update.number, bytes);
  if (value === undefined) return fromBinary(WatchResponseSchema, bytes);
  return create(WatchResponseSchema, { message: { case: 'update', value } });
}

/** As {@link decodeWatchResponse}. */
export function decodeCacheRecord(bytes: Uint8Array): CacheRecord {
  const value = decodeOnly(CacheRecordSchema.field.update.number, bytes);
  if (value === undefined) return fromBinary(CacheRecordSchema, bytes);
  return create(CacheRecordSchema, { record: { case: 'update', value } });
}

/** The items that an update puts. @throws Error where one is damaged */
export function* itemsOf({ upserts, $unknown = [] }: Update): Generator<Item> {
  yield* upserts;
  for (const { no, data } of $unknown) {
    if (no !== UPSERTS) continue;
    const reader = new BinaryReader(data);
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field === UPSERTS && type === WireType.LengthDelimited) yield fromBinary(ItemSchema, reader.bytes());
      else reader.skip(type, field);
    }
  }
}

/** The update of a message that has nothing but this field. */
function decodeOnly(update: number, bytes: Uint8Array): Update | undefined {
  if (bytes.length === 0) return undefined;
  const reader = new BinaryReader(bytes);
  const [field, type] = reader.tag();
  if (field !== update || type !== WireType.LengthDelimited) return undefined;
  const content = reader.bytes();
  return reader.pos < reader.len ? undefined : decodeUpdate(content);
}

/** Its items stay as they came, from the first to the last, as one unknown field. */
function decodeUpdate(content: Uint8Array): Update {
  const reader = new BinaryReader(content);
  let first = content.length;
  let end = content.length;
  while (reader.pos < reader.len) {
    const at = reader.pos;
    const [field, type] = reader.tag();
    if (field === UPSERTS && type === WireType.LengthDelimited) {
      first = Math.min(first, at);
      skipBytes(reader);
      end = reader.pos;
    } else reader.skip(type, field);
  }
  const update = fromBinary(UpdateSchema, Buffer.concat([content.subarray(0, first), content.subarray(end)]));
  const data = content.subarray(first, end);
  if (data.length > 0) update.$unknown = [{ no: UPSERTS, wireType: WireType.LengthDelimited, data }];
  return update;
}

function skipBytes(reader: BinaryReader): void {
  const length = reader.uint32();
  if (reader.len - reader.pos < length) throw new RangeError('a field that is cut short');
  reader.pos += length;
}
