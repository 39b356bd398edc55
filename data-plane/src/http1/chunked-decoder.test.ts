import { describe, expect, test } from 'vitest';
import { ChunkedDecoder, type Refusal } from './index.ts';

interface Decoded {
  readonly payload: string;
  /** Bytes of the text that belong to the body; undefined where it is not complete. */
  readonly end: number | undefined;
  readonly trailers: readonly string[];
  readonly refusal: Refusal | null;
}

function decode(text: string, size = text.length): Decoded {
  const decoder = new ChunkedDecoder();
  const bytes = Buffer.from(text, 'latin1');
  let payload = '';
  let end: number | undefined;
  for (let from = 0; from < bytes.length && end === undefined && decoder.refusal === null; from += size) {
    const chunk = Buffer.from(bytes.subarray(from, from + size));
    let at = 0;
    for (; decoder.next(chunk, at) === 'data'; at = decoder.end) {
      payload += chunk.toString('latin1', decoder.dataStart, decoder.dataEnd);
    }
    if (decoder.done) end = from + decoder.end;
  }
  return { payload, end, trailers: decoder.trailers?.headers ?? [], refusal: decoder.refusal };
}

/** Decodes at every piece size; the outcome must be one. */
function decodeAnyhow(text: string): Decoded {
  const whole = decode(text);
  for (let size = 1; size < text.length; size++) expect(decode(text, size), `in pieces of ${size}`).toEqual(whole);
  return whole;
}

describe('a chunked body', () => {
  test.each([
    ['5\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n', 'hello world'],
    ['a\r\n0123456789\r\n0\r\n\r\n', '0123456789'],
    ['A\r\n0123456789\r\n0\r\n\r\n', '0123456789'],
    ['0005\r\nhello\r\n000\r\n\r\n', 'hello'],
    ['0\r\n\r\n', ''],
    ['2\r\n\r\n\r\n0\r\n\r\n', '\r\n'],
    ['1;a;b=c;d="e;\\"f";g=""\r\nx\r\n0;z\r\n\r\n', 'x'],
    ['0000000000000001\r\nx\r\n0\r\n\r\n', 'x'],
  ])('%j is decoded', (text, payload) => {
    expect(decodeAnyhow(text)).toEqual({ payload, end: text.length, trailers: [], refusal: null });
  });

  test.each([
    ['an empty size', '\r\nx'],
    ['a sign', '+5\r\nhello\r\n'],
    ['a minus', '-5\r\nhello\r\n'],
    ['a hex prefix', '0x5\r\nhello\r\n'],
    ['a leading space', ' 5\r\nhello\r\n'],
    ['a trailing space', '5 \r\nhello\r\n'],
    ['a trailing tab', '5\t\r\nhello\r\n'],
    ['a letter beyond f', 'g\r\nhello\r\n'],
    ['an underscore', '1_0\r\nhello\r\n'],
    ['a size beyond 2^53', '20000000000000\r\nx'],
    ['a size of 17 digits', '00000000000000001\r\nx\r\n'],
    ['a bare LF behind the size', '5\nhello\r\n'],
    ['a bare CR behind the size', '5\rhello\r\n'],
    ['a bare LF behind the data', '5\r\nhello\n0\r\n\r\n'],
    ['a bare CR behind the data', '5\r\nhello\r0\r\n\r\n'],
    ['more data than its size', '5\r\nhelloo\r\n'],
    ['less data than its size', '5\r\nhell\r\n0\r\n\r\n'],
    ['no last chunk', '5\r\nhello\r\n\r\n'],
    ['a bare LF at its end', '0\r\n\n'],
    ['a bare LF behind the last chunk', '0\n\r\n'],
    ['an extension without a name', '5;\r\nhello\r\n'],
    ['an extension without a value', '5;a=\r\nhello\r\n'],
    ['a space before an extension', '5 ;a\r\nhello\r\n'],
    ['a space in an extension', '5;a b\r\nhello\r\n'],
    ['an extension without end', '5;a="b\r\nhello\r\n'],
    ['a bare LF in an extension', '5;a\nhello\r\n'],
    ['a bare CR in an extension', '5;a\rb\r\nhello\r\n'],
    ['a control character in an extension', '5;a="\x01"\r\nhello\r\n'],
    ['an escaped line break in an extension', '5;a="\\\r\n"\r\nhello\r\n'],
  ])('with %s is refused', (_case, text) => {
    expect(decodeAnyhow(text).refusal).toMatchObject({ code: 'bad_request' });
  });

  test('ends before what follows it', () => {
    expect(decodeAnyhow('1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n')).toMatchObject({ payload: 'x', end: 11 });
  });

  test('may have a chunk of 2^53 - 1 bytes', () => {
    expect(decode('1fffffffffffff\r\nx')).toMatchObject({ payload: 'x', refusal: null });
  });
});

describe('chunk extensions', () => {
  test('may have 256 bytes a chunk', () => {
    expect(decode(`1;${'a'.repeat(255)}\r\nx\r\n0\r\n\r\n`)).toMatchObject({ payload: 'x', refusal: null });
    expect(decode(`1;${'a'.repeat(256)}\r\nx\r\n0\r\n\r\n`).refusal).toMatchObject({ code: 'bad_request' });
  });

  test('may not outweigh the payload by much', () => {
    const body = (payload: string) =>
      `${payload.length.toString(16)};${'a'.repeat(200)}\r\n${payload}\r\n`.repeat(1000);
    expect(decode(body('x'.repeat(100))).refusal).toBeNull();
    expect(decode(body('x')).refusal).toMatchObject({ detail: 'chunk extensions exceed the limit' });
  });
});

describe('trailers', () => {
  test('are kept where they may come so late, and dropped where they may not', () => {
    const trailers =
      'X-Checksum: 1\r\nSet-Cookie: a\r\nAuthorization: b\r\nConnection: X\r\ngrpc-status:0 \r\nTrailer: a\r\nContent-MD5: a\r\nIf-Match: a\r\nContent-Digest: c\r\n';
    expect(decodeAnyhow(`0\r\n${trailers}\r\n`)).toMatchObject({
      trailers: ['X-Checksum', '1', 'grpc-status', '0', 'Content-Digest', 'c'],
      refusal: null,
    });
  });

  test.each(['Content-Length: 5', 'transfer-encoding: chunked', 'HOST: a'])('with %s are refused', (line) => {
    expect(decodeAnyhow(`0\r\nX: a\r\n${line}\r\n\r\n`).refusal).toMatchObject({ code: 'bad_request' });
  });

  test.each(['X: a\nY: b', ' X: a', 'X : a', 'X: a\r\n b', ': a', 'X', 'X: \0'])('with %j are refused', (lines) => {
    expect(decodeAnyhow(`0\r\n${lines}\r\n\r\n`).refusal).toMatchObject({ code: 'bad_request' });
  });

  test('are bounded', () => {
    const section = (count: number) => `0\r\n${'X: a\r\n'.repeat(count)}\r\n`;
    expect(decode(section(32))).toMatchObject({ refusal: null });
    expect(decode(section(33)).refusal).toMatchObject({ status: 431 });
    expect(decode(`0\r\nX: ${'a'.repeat(8 * 1024)}`).refusal).toMatchObject({ status: 431 });
  });
});

test('a decoder begins anew', () => {
  const decoder = new ChunkedDecoder();
  const bytes = Buffer.from('1\r\nx\r\n0\r\nX: a\r\n\r\n');
  for (let round = 0; round < 2; round++) {
    decoder.begin();
    expect(decoder.next(bytes, 0)).toBe('data');
    expect(decoder.next(bytes, decoder.end)).toBe('done');
    expect(decoder.next(bytes, decoder.end)).toBe('done');
    expect(decoder.payloadBytes).toBe(1);
    expect(decoder.trailers?.headers).toEqual(['X', 'a']);
  }
});
