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

/** Room for what is read at once: little enough that it stalls nothing. */
const READ_BYTES = 256 * 1024;

/** Reads records from bytes as they come, until their end or the first that is not whole. */
export class RecordReader {
  /** What is left of the bytes before, where the next record begins, and room. */
  #buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  #length = 0;
  /** Of the buffer in the file. */
  #at = 0;
  #damage: ReadEnd | undefined;

  /** Where the next bytes are to be put. */
  get room(): Buffer {
    return this.#buffer.subarray(this.#length);
  }

  /** Something is damaged: nothing after it is looked at. */
  get isOver(): boolean {
    return this.#damage !== undefined;
  }

  /** The records that so many more bytes in the {@link room} make whole. To be read to the end before it is asked for again. */
  *add(bytes: number): Generator<CacheRecord> {
    this.#length += bytes;
    let at = 0;
    let wanted = FRAME_BYTES;
    while (this.#damage === undefined && this.#length - at >= FRAME_BYTES) {
      const length = this.#buffer.readUInt32BE(at);
      // No record is empty: these are zeros that a crash left.
      if (length === 0 || length > MAX_RECORD_BYTES) {
        this.#damage = damaged(this.#at + at, `a record of ${length} bytes`);
        break;
      }
      const next = at + FRAME_BYTES + length;
      wanted = next - at;
      if (next > this.#length) break;
      const record = this.#decode(at, next);
      if (record !== undefined) yield record;
      at = next;
    }
    this.#at += at;
    this.#length -= at;
    const rest = this.#buffer;
    if (wanted > rest.length) this.#buffer = Buffer.allocUnsafeSlow(wanted);
    rest.copy(this.#buffer, 0, at, at + this.#length);
  }

  end(): ReadEnd {
    if (this.#damage !== undefined) return this.#damage;
    return this.#length === 0 ? { kind: 'complete' } : { kind: 'torn', at: this.#at };
  }

  #decode(at: number, next: number): CacheRecord | undefined {
    // A buffer of its own for each: what it says may stay in memory as part of it.
    const content = Buffer.allocUnsafeSlow(next - at - FRAME_BYTES);
    this.#buffer.copy(content, 0, at + FRAME_BYTES, next);
    if (crc32(content) !== this.#buffer.readUInt32BE(at + 4)) {
      this.#damage = damaged(this.#at + at, 'a checksum that does not match');
      return undefined;
    }
    try {
      return decodeCacheRecord(content);
    } catch (error) {
      this.#damage = damaged(this.#at + at, `a record that does not decode: ${String(error)}`);
      return undefined;
    }
  }
}

/** Reads records until the end or the first that is not whole. */
export function readRecords(bytes: Buffer): { readonly records: CacheRecord[]; readonly end: ReadEnd } {
  const records: CacheRecord[] = [];
  const reader = new RecordReader();
  for (let at = 0; at < bytes.length && !reader.isOver; ) {
    const copied = bytes.copy(reader.room, 0, at);
    records.push(...reader.add(copied));
    at += copied;
  }
  return { records, end: reader.end() };
}

function damaged(at: number, reason: string): ReadEnd {
  return { kind: 'damaged', at, reason };
}
