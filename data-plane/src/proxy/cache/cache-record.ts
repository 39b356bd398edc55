import type { StoredTimes } from '@sluice/engine';
import { latin1 } from '../../http1/index.ts';

/** What a record of the cache is. */
export const ANSWER = 1;
/** The names by which answers of this address vary: the answer is under the key with their values. */
export const VARIANTS = 2;
/** The last answer could not be kept: who asks does not wait for who asked before. */
export const NOT_KEPT = 3;

const KIND = 0;
const MUST_REVALIDATE = 1;
const STATUS = 2;
const KEY_LENGTH = 4;
const HEAD_LENGTH = 8;
const NUMBER = 12;
const STORED_US = 16;
const INITIAL_AGE = 24;
const LIFETIME = 32;
const WHILE_REVALIDATE = 40;
const IF_ERROR = 48;
const CONTENT_LENGTH = 56;
const FIXED_BYTES = 64;

/** What an answer is kept with. */
export interface AnswerRecord {
  readonly key: string;
  readonly status: number;
  /** Status line and fields, each with its CRLF; no framing. */
  readonly head: string;
  /** -1: none. That of an answer to HEAD says how long the body would be. */
  readonly contentLength: number;
  /** Number of the invalidations at the time of the request. */
  readonly number: number;
  /** When its head came, shared clock. */
  readonly storedUs: number;
  readonly times: StoredTimes;
}

/** The part of a record before the body. */
export function encodeAnswer(answer: AnswerRecord): Buffer {
  const { times } = answer;
  const bytes = encode(ANSWER, answer.key, answer.head, answer.number, answer.storedUs);
  bytes[MUST_REVALIDATE] = times.mustRevalidate ? 1 : 0;
  bytes.writeUInt16LE(answer.status, STATUS);
  bytes.writeDoubleLE(times.initialAgeMs, INITIAL_AGE);
  bytes.writeDoubleLE(times.lifetimeMs, LIFETIME);
  bytes.writeDoubleLE(times.whileRevalidateMs, WHILE_REVALIDATE);
  bytes.writeDoubleLE(times.ifErrorMs, IF_ERROR);
  bytes.writeDoubleLE(answer.contentLength, CONTENT_LENGTH);
  return bytes;
}

export function encodeVariants(key: string, names: readonly string[], number: number, storedUs: number): Buffer {
  return encode(VARIANTS, key, names.join('\n'), number, storedUs);
}

export function encodeNotKept(key: string, number: number, storedUs: number): Buffer {
  return encode(NOT_KEPT, key, '', number, storedUs);
}

function encode(kind: number, key: string, head: string, number: number, storedUs: number): Buffer {
  const bytes = Buffer.alloc(FIXED_BYTES + key.length + head.length);
  bytes[KIND] = kind;
  bytes.writeUInt32LE(key.length, KEY_LENGTH);
  bytes.writeUInt32LE(head.length, HEAD_LENGTH);
  bytes.writeInt32LE(number, NUMBER);
  bytes.writeDoubleLE(storedUs, STORED_US);
  bytes.write(key, FIXED_BYTES, 'latin1');
  bytes.write(head, FIXED_BYTES + key.length, 'latin1');
  return bytes;
}

/** A record that was copied out of the store. */
export class CacheRecord implements StoredTimes {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Hashes may collide, and keys are compared. */
  isOf(key: string): boolean {
    const bytes = this.#bytes;
    if (bytes.length < FIXED_BYTES || bytes.readUInt32LE(KEY_LENGTH) !== key.length) return false;
    return latin1(bytes, FIXED_BYTES, FIXED_BYTES + key.length) === key;
  }

  get kind(): number {
    return this.#bytes[KIND]!;
  }

  get status(): number {
    return this.#bytes.readUInt16LE(STATUS);
  }

  get number(): number {
    return this.#bytes.readInt32LE(NUMBER);
  }

  get storedUs(): number {
    return this.#bytes.readDoubleLE(STORED_US);
  }

  get initialAgeMs(): number {
    return this.#bytes.readDoubleLE(INITIAL_AGE);
  }

  get lifetimeMs(): number {
    return this.#bytes.readDoubleLE(LIFETIME);
  }

  get whileRevalidateMs(): number {
    return this.#bytes.readDoubleLE(WHILE_REVALIDATE);
  }

  get ifErrorMs(): number {
    return this.#bytes.readDoubleLE(IF_ERROR);
  }

  get mustRevalidate(): boolean {
    return this.#bytes[MUST_REVALIDATE] === 1;
  }

  get contentLength(): number {
    return this.#bytes.readDoubleLE(CONTENT_LENGTH);
  }

  /** Status line and fields. Of VARIANTS: the names. */
  get head(): string {
    const from = FIXED_BYTES + this.#bytes.readUInt32LE(KEY_LENGTH);
    return latin1(this.#bytes, from, from + this.#bytes.readUInt32LE(HEAD_LENGTH));
  }

  get body(): Buffer {
    return this.#bytes.subarray(
      FIXED_BYTES + this.#bytes.readUInt32LE(KEY_LENGTH) + this.#bytes.readUInt32LE(HEAD_LENGTH),
    );
  }

  /** How old it is now (RFC 9111, 4.2.3). */
  ageMs(nowUs: number): number {
    return this.initialAgeMs + (nowUs - this.storedUs) / 1000;
  }

  /** The values of a field, joined; `name` in lower case. */
  field(name: string): string | undefined {
    return fieldOf(this.head, name);
  }
}

/** The values of a field among the lines of a head, joined; undefined where there is none. */
export function fieldOf(head: string, name: string): string | undefined {
  let value: string | undefined;
  for (let at = head.indexOf('\r\n') + 2; at < head.length; ) {
    const end = head.indexOf('\r\n', at);
    if (head.charCodeAt(at + name.length) === COLON && head.slice(at, at + name.length).toLowerCase() === name) {
      const text = head.slice(at + name.length + 1, end).trim();
      value = value === undefined ? text : `${value}, ${text}`;
    }
    at = end + 2;
  }
  return value;
}

const COLON = 0x3a;

/** What a 304 says nothing about, whatever is in it: the representation that is kept stays (RFC 9111, 3.2). */
const OF_REPRESENTATION: ReadonlySet<string> = new Set([
  'content-length',
  'content-encoding',
  'content-md5',
  'content-range',
  'etag',
]);

/** A kept head with the fields of a 304 in place of its own. Both as status line and field lines. */
export function freshenedHead(kept: string, fresh: string): string {
  const freshLines = linesOf(fresh).filter((line) => !OF_REPRESENTATION.has(nameOf(line)));
  const names = new Set(freshLines.map(nameOf));
  const keptLines = linesOf(kept).filter((line) => !names.has(nameOf(line)));
  return [kept.slice(0, kept.indexOf('\r\n')), ...keptLines, ...freshLines, ''].join('\r\n');
}

function linesOf(head: string): string[] {
  return head
    .split('\r\n')
    .slice(1)
    .filter((line) => line !== '');
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf(':')).toLowerCase();
}

/** What asks the service whether a record still holds; empty where there is nothing to ask by. */
export function conditionsOf(record: CacheRecord): string {
  const etag = record.field('etag');
  const modified = record.field('last-modified');
  return `${etag === undefined ? '' : `if-none-match: ${etag}\r\n`}${modified === undefined ? '' : `if-modified-since: ${modified}\r\n`}`;
}
