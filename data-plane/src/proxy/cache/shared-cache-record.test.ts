import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ANSWER, VARIANTS } from './cache-record.ts';
import { decodeShared, encodeShared, type SharedRecord } from './shared-cache-record.ts';

const KEY = 'route\nshape\nservice\nGET\na.test/\xe9\n';
const ms = fc.double({ min: 0, max: 1e13, noNaN: true });
const token = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/).map((name) => `x-${name}`);
const value = fc.stringMatching(/^[\x21-\x7e\x80-\xff]{0,20}$/);
const times = fc.record({
  initialAgeMs: ms,
  lifetimeMs: ms,
  whileRevalidateMs: ms,
  ifErrorMs: ms,
  mustRevalidate: fc.boolean(),
});
const head = fc
  .tuple(fc.integer({ min: 200, max: 599 }), fc.array(fc.tuple(token, value), { maxLength: 8 }))
  .map(([status, fields]) => ({
    status,
    head: [`HTTP/1.1 ${status} Some`, ...fields.map((each) => each.join(': ')), ''].join('\r\n'),
  }));
const answers: fc.Arbitrary<SharedRecord> = fc
  .tuple(head, fc.uint8Array({ maxLength: 200 }), times, ms, ms)
  .map(([of, body, kept, storeMs, unixMs]) => ({
    ...{ kind: ANSWER, key: KEY, ...of, body, contentLength: body.length, times: kept, storeMs, unixMs },
  }));

const sound: SharedRecord = {
  kind: ANSWER,
  key: KEY,
  status: 200,
  head: 'HTTP/1.1 200 OK\r\nvary: accept\r\n',
  contentLength: 4,
  times: { initialAgeMs: 1, lifetimeMs: 2, whileRevalidateMs: 3, ifErrorMs: 4, mustRevalidate: true },
  storeMs: 5,
  unixMs: 6,
  body: Buffer.from('body'),
};
const decode = (bytes: Uint8Array<ArrayBuffer>, key = KEY, toHead = false) =>
  decodeShared(Buffer.from(bytes.buffer), key, toHead);

test('what is written is read as it was', () => {
  fc.assert(
    fc.property(answers, (record) => {
      const read = decode(encodeShared(record));
      expect({ ...read, body: Buffer.from(read?.body ?? []) }).toEqual({ ...record, body: Buffer.from(record.body) });
    }),
  );
});

test('what lost or changed a byte, or is of another key, is none', () => {
  fc.assert(
    fc.property(answers, fc.nat(), fc.integer({ min: 1, max: 255 }), (record, where, change) => {
      const bytes = encodeShared(record);
      expect(decode(bytes.slice(0, where % bytes.length))).toBeUndefined();
      const other = bytes.slice();
      other[where % other.length]! ^= change;
      expect(decode(other)).toBeUndefined();
      expect(decode(bytes, `${KEY}x`)).toBeUndefined();
      expect(decode(bytes, KEY.slice(1))).toBeUndefined();
    }),
  );
});

test('any bytes at all are read without an error', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => decode(bytes.slice()) === undefined));
});

test.each<[string, Partial<SharedRecord>]>([
  ['a length of its own', { head: 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n' }],
  ['chunks', { head: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n' }],
  ['a connection', { head: 'HTTP/1.1 200 OK\r\nconnection: close\r\n' }],
  ['a cookie', { head: 'HTTP/1.1 200 OK\r\nset-cookie: a=1\r\n' }],
  ['an answer after it', { head: 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n' }],
  ['a line that is no field', { head: 'HTTP/1.1 200 OK\r\nno field\r\n' }],
  ['a bare line feed', { head: 'HTTP/1.1 200 OK\r\na: b\nc: d\r\n' }],
  ['no status line', { head: 'a: b\r\n' }],
  ['an end that is missing', { head: 'HTTP/1.1 200 OK\r\na: b' }],
  ['another status', { status: 404 }],
  ['an interim status', { status: 100, head: 'HTTP/1.1 100 Continue\r\n' }],
  ['a length that is not its body', { contentLength: 5 }],
  ['no length', { contentLength: -1 }],
  ['an age that is none', { times: { ...sound.times, initialAgeMs: Number.NaN } }],
  ['a lifetime without an end', { times: { ...sound.times, lifetimeMs: Number.POSITIVE_INFINITY } }],
  ['a time before all times', { storeMs: -1 }],
  ['names that are none', { kind: VARIANTS, status: 0, head: 'Accept', contentLength: 0, body: Buffer.alloc(0) }],
  ['names with a body', { kind: VARIANTS, status: 0, head: 'accept' }],
])('%s is not served, however whole it is', (_, wrong) => {
  expect(decode(encodeShared(sound))).toBeDefined();
  expect(decode(encodeShared({ ...sound, ...wrong }))).toBeUndefined();
});

test('only an answer to HEAD, or one without content, may say a length and have no body', () => {
  const empty = { ...sound, body: Buffer.alloc(0), contentLength: 7 };
  expect(decode(encodeShared(empty))).toBeUndefined();
  expect(decode(encodeShared(empty), KEY, true)?.contentLength).toBe(7);
  expect(decode(encodeShared({ ...empty, status: 204, head: 'HTTP/1.1 204 No\r\n', contentLength: -1 }))).toBeDefined();
});

test('names that answers vary by are read as they were', () => {
  const names = {
    ...sound,
    kind: VARIANTS,
    status: 0,
    head: 'accept\nx-a',
    contentLength: 0,
    body: Buffer.alloc(0),
  } as const;
  expect(decode(encodeShared(names))?.head).toBe('accept\nx-a');
});
