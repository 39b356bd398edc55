import { crc32 } from 'node:zlib';
import { type StoredTimes, varyNames } from '@sluice/engine';
import { latin1, ResponseHeadReader } from '../../http1/index.ts';
import { ANSWER, fieldOf, VARIANTS } from './cache-record.ts';

/** A record of the cache as nodes share it. */
export interface SharedRecord {
  readonly kind: typeof ANSWER | typeof VARIANTS;
  /** As the store has it: what requests said, credentials among it, is in no record. */
  readonly key: string;
  /** 0 of VARIANTS. */
  readonly status: number;
  /** As in the node's own memory: status line and fields, or names. */
  readonly head: string;
  readonly contentLength: number;
  /** `initialAgeMs` is its age at `storeMs`. */
  readonly times: StoredTimes;
  /** When it was put there, by the clock of the store and by that of the node; milliseconds since 1970. */
  readonly storeMs: number;
  readonly unixMs: number;
  readonly body: Uint8Array;
}

/** `SLC` and the version of the form: what is of another is not read. */
const MAGIC = 0x534c4301;
const CHECKSUM = 4;
/** From here on the checksum counts. */
const LENGTH = 8;
const KIND = 12;
const MUST_REVALIDATE = 13;
const STATUS = 14;
const KEY_LENGTH = 16;
const HEAD_LENGTH = 20;
const STORE_MS = 24;
const UNIX_MS = 32;
const AGE = 40;
const LIFETIME = 48;
const WHILE_REVALIDATE = 56;
const IF_ERROR = 64;
const CONTENT_LENGTH = 72;
const FIXED_BYTES = 80;

/** What one record may have beside its body: key, status line and fields. */
export const SHARED_OVERHEAD_BYTES = 128 * 1024;

export function encodeShared(record: SharedRecord): Uint8Array<ArrayBuffer> {
  const { key, head, body, times } = record;
  const bytes = Buffer.from(new ArrayBuffer(FIXED_BYTES + key.length + head.length + body.length));
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt32LE(bytes.length, LENGTH);
  bytes[KIND] = record.kind;
  bytes[MUST_REVALIDATE] = times.mustRevalidate ? 1 : 0;
  bytes.writeUInt16LE(record.status, STATUS);
  bytes.writeUInt32LE(key.length, KEY_LENGTH);
  bytes.writeUInt32LE(head.length, HEAD_LENGTH);
  bytes.writeDoubleLE(record.storeMs, STORE_MS);
  bytes.writeDoubleLE(record.unixMs, UNIX_MS);
  bytes.writeDoubleLE(times.initialAgeMs, AGE);
  bytes.writeDoubleLE(times.lifetimeMs, LIFETIME);
  bytes.writeDoubleLE(times.whileRevalidateMs, WHILE_REVALIDATE);
  bytes.writeDoubleLE(times.ifErrorMs, IF_ERROR);
  bytes.writeDoubleLE(record.contentLength, CONTENT_LENGTH);
  bytes.write(key, FIXED_BYTES, 'latin1');
  bytes.write(head, FIXED_BYTES + key.length, 'latin1');
  bytes.set(body, FIXED_BYTES + key.length + head.length);
  bytes.writeUInt32LE(crc32(bytes.subarray(LENGTH)), CHECKSUM);
  return new Uint8Array(bytes.buffer);
}

/**
 * Undefined: it is damaged, of another version or key, or nothing that a node keeps. The store is not trusted: a head that would say
 * something else about where the answer ends, or that is none, is refused too.
 * @param toHead the key is of answers to HEAD, which say a length and have no body
 */
export function decodeShared(bytes: Buffer, key: string, toHead: boolean): SharedRecord | undefined {
  const { length } = bytes;
  if (length < FIXED_BYTES || bytes.readUInt32LE(0) !== MAGIC || bytes.readUInt32LE(LENGTH) !== length)
    return undefined;
  if (crc32(bytes.subarray(LENGTH)) !== bytes.readUInt32LE(CHECKSUM)) return undefined;
  const headAt = FIXED_BYTES + key.length;
  const bodyAt = headAt + bytes.readUInt32LE(HEAD_LENGTH);
  if (bytes.readUInt32LE(KEY_LENGTH) !== key.length || bodyAt > length) return undefined;
  if (latin1(bytes, FIXED_BYTES, headAt) !== key) return undefined;
  const kind = bytes[KIND];
  if (kind !== ANSWER && kind !== VARIANTS) return undefined;
  const record: SharedRecord = {
    kind,
    key,
    status: bytes.readUInt16LE(STATUS),
    head: latin1(bytes, headAt, bodyAt),
    contentLength: bytes.readDoubleLE(CONTENT_LENGTH),
    times: {
      initialAgeMs: bytes.readDoubleLE(AGE),
      lifetimeMs: bytes.readDoubleLE(LIFETIME),
      whileRevalidateMs: bytes.readDoubleLE(WHILE_REVALIDATE),
      ifErrorMs: bytes.readDoubleLE(IF_ERROR),
      mustRevalidate: bytes[MUST_REVALIDATE] === 1,
    },
    storeMs: bytes.readDoubleLE(STORE_MS),
    unixMs: bytes.readDoubleLE(UNIX_MS),
    body: bytes.subarray(bodyAt),
  };
  if (!hasSoundTimes(record)) return undefined;
  return (kind === VARIANTS ? areNames(record) : isAnswer(record, toHead)) ? record : undefined;
}

function hasSoundTimes({ times, storeMs, unixMs }: SharedRecord): boolean {
  const { initialAgeMs, lifetimeMs, whileRevalidateMs, ifErrorMs } = times;
  return [initialAgeMs, lifetimeMs, whileRevalidateMs, ifErrorMs, storeMs, unixMs].every(
    (ms) => ms >= 0 && Number.isFinite(ms),
  );
}

function areNames({ head, body, status }: SharedRecord): boolean {
  const names = head.split('\n');
  return body.length === 0 && status === 0 && varyNames(names.join(','))?.join('\n') === head;
}

/** What the gateway says itself, or what no answer has that is kept. */
const NEVER_KEPT = [
  'age',
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

function isAnswer({ status, head, body, contentLength }: SharedRecord, toHead: boolean): boolean {
  if (status < 200 || status > 599) return false;
  const isEmpty = body.length === 0 && (toHead || status === 204);
  if (contentLength !== body.length && !(isEmpty && Number.isSafeInteger(contentLength) && contentLength >= -1))
    return false;
  const reader = new ResponseHeadReader();
  const bytes = Buffer.from(`${head}\r\n`, 'latin1');
  const parsed = reader.read(bytes, 0, 'GET');
  if (parsed === undefined || !parsed.ok || reader.end !== bytes.length || parsed.status !== status) return false;
  return NEVER_KEPT.every((name) => fieldOf(head, name) === undefined);
}
