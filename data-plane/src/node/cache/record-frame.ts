import { crc32 } from 'node:zlib';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type CacheRecord, CacheRecordSchema } from '@sluice/proto';
import { decodeCacheRecord } from '../partly-decoded.ts';

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

/** Reads records from bytes as they come, until their end or the first that is not whole. */
export class RecordReader {
  readonly #take: (record: CacheRecord) => void;
  /** What is left of the bytes before, where the next record begins. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** What there has to be of it before it is worth to look. */
  #wanted = FRAME_BYTES;
  /** Of `#rest` in the file. */
  #at = 0;
  #damage: ReadEnd | undefined;

  constructor(take: (record: CacheRecord) => void) {
    this.#take = take;
  }

  /** False: nothing after it is looked at. */
  add(bytes: Buffer): boolean {
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
    if (this.#restBytes < this.#wanted) return true;
    const all = this.#rest.length === 1 ? bytes : Buffer.concat(this.#rest);
    let at = 0;
    this.#wanted = FRAME_BYTES;
    while (this.#damage === undefined && all.length - at >= FRAME_BYTES) {
      const length = all.readUInt32BE(at);
      // No record is empty: these are zeros that a crash left.
      if (length === 0 || length > MAX_RECORD_BYTES) this.#damage = damaged(this.#at, `a record of ${length} bytes`);
      else if (all.length - at - FRAME_BYTES < length) {
        this.#wanted = FRAME_BYTES + length;
        break;
      } else {
        this.#read(all.subarray(at + FRAME_BYTES, at + FRAME_BYTES + length), all.readUInt32BE(at + 4));
        at += FRAME_BYTES + length;
        if (this.#damage === undefined) this.#at += FRAME_BYTES + length;
      }
    }
    this.#rest = at < all.length ? [all.subarray(at)] : [];
    this.#restBytes = all.length - at;
    return this.#damage === undefined;
  }

  end(): ReadEnd {
    if (this.#damage !== undefined) return this.#damage;
    return this.#restBytes === 0 ? { kind: 'complete' } : { kind: 'torn', at: this.#at };
  }

  #read(content: Buffer, checksum: number): void {
    if (crc32(content) !== checksum) {
      this.#damage = damaged(this.#at, 'a checksum that does not match');
      return;
    }
    let record: CacheRecord;
    try {
      record = decodeCacheRecord(content);
    } catch (error) {
      this.#damage = damaged(this.#at, `a record that does not decode: ${String(error)}`);
      return;
    }
    this.#take(record);
  }
}

/** Reads records until the end or the first that is not whole. */
export function readRecords(bytes: Buffer): { readonly records: CacheRecord[]; readonly end: ReadEnd } {
  const records: CacheRecord[] = [];
  const reader = new RecordReader((record) => records.push(record));
  reader.add(bytes);
  return { records, end: reader.end() };
}

function damaged(at: number, reason: string): ReadEnd {
  return { kind: 'damaged', at, reason };
}
