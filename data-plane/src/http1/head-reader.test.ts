import { describe, expect, test } from 'vitest';
import type { HeadLimits } from './head-reader.ts';
import { createRequestHeadReader, type RequestHeadReader } from './index.ts';

const limits: HeadLimits = { targetBytes: 64, headerBytes: 256, headerCount: 8 };

/** Feeds pieces of `size` bytes; gives the verdict and how many bytes had been fed when it came. */
function feed(reader: RequestHeadReader, bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) {
    const verdict = reader.read(bytes.subarray(at, at + size), 0);
    if (verdict !== undefined) return { verdict, fed: Math.min(at + size, bytes.length) };
  }
  return { verdict: undefined, fed: bytes.length };
}

function request(fieldLines: string): Buffer {
  return Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${fieldLines}\r\n`, 'latin1');
}

describe('limits', () => {
  const besides = 'Host: a\r\n\r\n'.length;

  test.each([1, 7, 10_000])('of bytes hold at n and refuse at n + 1, in pieces of %i', (size) => {
    const line = (length: number) => `X: ${'b'.repeat(length - 5)}\r\n`;
    const fits = request(line(limits.headerBytes - besides));
    expect(feed(createRequestHeadReader(limits), fits, size).verdict).toMatchObject({ ok: true });
    const exceeds = request(line(limits.headerBytes - besides + 1));
    expect(feed(createRequestHeadReader(limits), exceeds, size).verdict).toMatchObject({ status: 431 });
  });

  test.each([1, 7, 10_000])('of number hold at n and refuse at n + 1, in pieces of %i', (size) => {
    const fits = request('X: b\r\n'.repeat(limits.headerCount - 1));
    expect(feed(createRequestHeadReader(limits), fits, size).verdict).toMatchObject({ ok: true });
    const exceeds = request('X: b\r\n'.repeat(limits.headerCount));
    expect(feed(createRequestHeadReader(limits), exceeds, size).verdict).toMatchObject({ status: 431 });
  });

  test('of a target hold at n and refuse at n + 1, byte by byte', () => {
    const line = (length: number) => Buffer.from(`GET /${'a'.repeat(length - 1)} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(feed(createRequestHeadReader(limits), line(64), 1).verdict).toMatchObject({ ok: true });
    expect(feed(createRequestHeadReader(limits), line(65), 1).verdict).toMatchObject({ status: 414 });
  });

  test('refuse a line without end soon after it exceeds them', () => {
    const target = Buffer.from(`GET /${'a'.repeat(10_000)}`);
    const long = feed(createRequestHeadReader(limits), target, 1);
    expect(long.verdict).toMatchObject({ status: 414 });
    expect(long.fed).toBeLessThan(limits.targetBytes + 64);
    const field = Buffer.from(`GET / HTTP/1.1\r\nX: ${'a'.repeat(10_000)}`);
    const large = feed(createRequestHeadReader(limits), field, 1);
    expect(large.verdict).toMatchObject({ status: 431 });
    expect(large.fed).toBe('GET / HTTP/1.1\r\n'.length + limits.headerBytes + 1);
    expect(feed(createRequestHeadReader(limits), Buffer.alloc(10_000, 'A'), 1).verdict).toMatchObject({ status: 400 });
  });
});

describe('a head that comes in pieces', () => {
  test('is the same as one that comes whole', () => {
    const bytes = request('A: 1\r\nB:2\r\nContent-Length: 3\r\n');
    const whole = createRequestHeadReader().read(bytes, 0);
    for (let size = 1; size < bytes.length; size++) {
      const reader = createRequestHeadReader();
      const { verdict, fed } = feed(reader, bytes, size);
      expect({ ...verdict, text: '', lines: [] }).toEqual({ ...whole, text: '', lines: [] });
      expect(fed).toBe(bytes.length);
      expect(reader.started).toBe(false);
    }
  });

  test('has started with its first byte, an empty line before it has not', () => {
    const reader = createRequestHeadReader();
    expect(reader.started).toBe(false);
    reader.read(Buffer.from('\r\n'), 0);
    expect(reader.started).toBe(false);
    reader.read(Buffer.from('G'), 0);
    expect(reader.started).toBe(true);
    reader.read(Buffer.from('ET / HTTP/1.1\r\n'), 0);
    expect(reader.started).toBe(true);
  });

  test('is refused at the byte that shows it, without waiting for the line to end', () => {
    expect(feed(createRequestHeadReader(), Buffer.from('GET / HTTP/1.1\r\nX: a\0bcdef'), 1).fed).toBe(21);
    expect(feed(createRequestHeadReader(), Buffer.from('GET / HTTP/1.1\r\nX: a\rbcdef'), 1).fed).toBe(22);
    expect(feed(createRequestHeadReader(), Buffer.from('\x16\x03\x01\x02\x00'), 1).fed).toBe(1);
  });

  test('stays refused', () => {
    const reader = createRequestHeadReader();
    const refusal = reader.read(Buffer.from('GET / HTTP/9.9\r\n'), 0);
    expect(refusal).toMatchObject({ status: 505 });
    expect(reader.read(request(''), 0)).toBe(refusal);
  });

  test('leaves the bytes behind it to the next head, also where it was completed by them', () => {
    const reader = createRequestHeadReader();
    expect(reader.read(Buffer.from('GET /1 HTTP/1.1\r\nHost: a\r\n\r'), 0)).toBeUndefined();
    const rest = Buffer.from('\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(reader.read(rest, 0)).toMatchObject({ path: '/1' });
    expect(reader.end).toBe(1);
    expect(reader.read(rest, reader.end)).toMatchObject({ path: '/2' });
  });
});

describe('cost', () => {
  const wide: HeadLimits = { targetBytes: 1 << 20, headerBytes: 1 << 20, headerCount: 100_000 };

  test.each([
    ['10,000 small lines', request('A: b\r\n'.repeat(10_000))],
    ['one long line', request(`A: ${'b'.repeat(100_000)}\r\n`)],
    ['one line of blanks', request(`A:${' '.repeat(100_000)}\r\n`)],
    ['one line of blanks between letters', request(`A:${' b'.repeat(50_000)}\r\n`)],
    ['a long target', Buffer.from(`GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`)],
    ['a line that ends badly', request(`A:${' '.repeat(100_000)}\0\r\n`)],
  ])('of %s byte by byte is linear in the bytes', (_case, bytes) => {
    const from = performance.now();
    feed(createRequestHeadReader(wide), bytes, 1);
    feed(createRequestHeadReader(wide), bytes, 100_000);
    // About 20 ms; anything quadratic in 100,000 takes many seconds.
    expect(performance.now() - from).toBeLessThan(2000);
  });
});
