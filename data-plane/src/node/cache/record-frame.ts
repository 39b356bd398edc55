import { crc32 } from 'node:zlib';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type CacheRecord, CacheRecordSchema } from '@sluice/proto';

/** Before each record: its length and the CRC-32 of its bytes, both 32 bits big-endian. */
const FRAME_BYTES = 8;
/** Longer records are damage: updates are split far below this. */
const MAX_RECORD_BYTES = 256 * 1024 * 1024;

export type RecordInit = NonNullable<MessageInitShape<typeof CacheRecordSchema>['record']>;

export function encodeRecord(record: RecordInit): Buffer {
  const content = toBinary(CacheRecordSchema, create(CacheRecordSchema, { record }));
  const framed = Buffer.allocUnsafe(FRAME_BYTES + content.length);
  framed.writeUInt32BE(content.length, 0);
  framed.writeUInt32BE(crc32(content), 4);
  framed.set(content, FRAME_BYTES);
  return framed;
}

/** How the reading of a file ended. */
export type ReadEnd =
  | { readonly kind: 'complete' }
  /** The last record is cut short, as a crash leaves it. */
  | { readonly kind: 'torn'; readonly at: number }
  | { readonly kind: 'damaged'; readonly at: number; readonly reason: string };

/** Reads records until the end or the first that is not whole. */
export function readRecords(bytes: Buffer): { readonly records: CacheRecord[]; readonly end: ReadEnd } {
  const records: CacheRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < FRAME_BYTES) return { records, end: { kind: 'torn', at } };
    const length = bytes.readUInt32BE(at);
    // No record is empty: these are zeros that a crash left.
    if (length === 0 || length > MAX_RECORD_BYTES) return { records, end: damaged(at, `a record of ${length} bytes`) };
    if (bytes.length - at - FRAME_BYTES < length) return { records, end: { kind: 'torn', at } };
    const content = bytes.subarray(at + FRAME_BYTES, at + FRAME_BYTES + length);
    if (crc32(content) !== bytes.readUInt32BE(at + 4))
      return { records, end: damaged(at, 'a checksum that does not match') };
    try {
      records.push(fromBinary(CacheRecordSchema, content));
    } catch (error) {
      return { records, end: damaged(at, `a record that does not decode: ${String(error)}`) };
    }
    at += FRAME_BYTES + length;
  }
  return { records, end: { kind: 'complete' } };
}

function damaged(at: number, reason: string): ReadEnd {
  return { kind: 'damaged', at, reason };
}
