import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeContent } from './decode-content.ts';

const MIB = 1024 * 1024;
const PLAIN = Buffer.from('{"a":1}');

test.each([
  ['gzip', gzipSync(PLAIN)],
  ['X-GZIP', gzipSync(PLAIN)],
  [' deflate ', deflateSync(PLAIN)],
  ['br', brotliCompressSync(PLAIN)],
  ['identity', PLAIN],
])('content is decoded: %s', (encoding, bytes) => {
  expect(decodeContent(bytes, encoding, PLAIN.length)).toEqual(PLAIN);
});

test.each(['gzip', 'deflate', 'br'])('what is no %s is malformed', (encoding) => {
  expect(decodeContent(Buffer.from('no'), encoding, MIB)).toBe('malformed');
});

test.each(['zstd', 'gzip, br', '', 'constructor'])('%j is unknown', (encoding) => {
  expect(decodeContent(PLAIN, encoding, MIB)).toBe('unknown encoding');
});

/** A mebibyte, about, that would become a gibibyte: so many members of a file, each of a mebibyte. */
const manyMembers = (): Buffer => Buffer.concat(Array<Buffer>(1024).fill(gzipSync(Buffer.alloc(MIB))));

describe('what becomes larger than is allowed', () => {
  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('is refused by one byte: %s', (encoding, compress) => {
    const bytes = compress(Buffer.alloc(MIB));
    expect(decodeContent(bytes, encoding, MIB)).toHaveLength(MIB);
    expect(decodeContent(bytes, encoding, MIB - 1)).toBe('too large');
  });

  test('costs no more than what is allowed: a mebibyte that would become a gibibyte', () => {
    const bomb = manyMembers();
    expect(bomb.length).toBeLessThan(2 * MIB);
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 10; i++) expect(decodeContent(bomb, 'gzip', MIB)).toBe('too large');
    // Ten times all of it would be 10 GiB.
    expect(process.memoryUsage.rss() - before).toBeLessThan(128 * MIB);
  });
});
