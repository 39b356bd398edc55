import { describe, expect, test } from 'vitest';
import { ChunkedDecoder, type Refusal, readChunked, relayChunked } from './index.ts';

/** Relays in pieces of `size`; gives all that would be sent, or why it is refused. */
function relay(text: string, size: number, keepTrailers = false): string | Refusal {
  const decoder = new ChunkedDecoder();
  const bytes = Buffer.from(text, 'latin1');
  let sent = '';
  for (let from = 0; from < bytes.length; from += size) {
    const relayed = relayChunked(decoder, Buffer.from(bytes.subarray(from, from + size)), 0, keepTrailers);
    if (!relayed.ok) return relayed;
    sent += relayed.bytes.toString('latin1');
    if (relayed.done) break;
  }
  return sent;
}

describe('a chunked body is passed on', () => {
  test.each([
    ['as it stands', '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n', '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n'],
    ['empty', '0\r\n\r\n', '0\r\n\r\n'],
    ['without extensions', '1;a=b\r\nx\r\n0;c\r\n\r\n', '1\r\nx\r\n0\r\n\r\n'],
    ['without leading zeros', '0a\r\n0123456789\r\n000\r\n\r\n', 'a\r\n0123456789\r\n0\r\n\r\n'],
    ['without trailers', '1\r\nx\r\n0\r\nX: a\r\n\r\n', '1\r\nx\r\n0\r\n\r\n'],
    ['and nothing behind it', '1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n', '1\r\nx\r\n0\r\n\r\n'],
    [
      'mixed',
      '1\r\na\r\n2;x\r\nbc\r\n1\r\nd\r\n01\r\ne\r\n0\r\n\r\n',
      '1\r\na\r\n2\r\nbc\r\n1\r\nd\r\n1\r\ne\r\n0\r\n\r\n',
    ],
  ])('%s, at any split', (_case, received, expected) => {
    for (let size = 1; size <= received.length; size++)
      expect(relay(received, size), `pieces of ${size}`).toBe(expected);
  });

  test('with the trailers it may keep, where asked', () => {
    const received = '1\r\nx\r\n0\r\nX-Sum:  1 \r\nConnection: a\r\n\r\n';
    for (let size = 1; size <= received.length; size++) {
      expect(relay(received, size, true)).toBe('1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n');
    }
  });

  test('without copying what needs no change', () => {
    const chunk = Buffer.from('GET5\r\nhello\r\n0\r\n\r\nrest');
    const relayed = relayChunked(new ChunkedDecoder(), chunk, 3, false);
    if (!relayed.ok) throw new Error(relayed.detail);
    expect(relayed).toMatchObject({ done: true, end: 18 });
    expect(relayed.bytes.buffer).toBe(chunk.buffer);
    expect(relayed.bytes.byteOffset).toBe(chunk.byteOffset + 3);
  });

  test('only as far as it is valid', () => {
    expect(relay('1\r\nx\r\nz\r\n', 4)).toMatchObject({ code: 'bad_request' });
    expect(relay('1\r\nx\r\n0\r\nHost: a\r\n\r\n', 100)).toMatchObject({ code: 'bad_request' });
  });
});

test.each([1, 2, 3, 7, 100])('in pieces of %i bytes, what is read of a body is its payload alone', (size) => {
  const decoder = new ChunkedDecoder();
  const bytes = Buffer.from('5;a=b\r\nhello\r\n06\r\n world\r\n0\r\nX: a\r\n\r\n', 'latin1');
  let payload = '';
  let isDone = false;
  for (let from = 0; from < bytes.length; from += size) {
    const read = readChunked(decoder, bytes.subarray(from, from + size), 0);
    if (!read.ok) throw new Error(`refused: ${read.code}`);
    payload += read.bytes.toString('latin1');
    isDone = read.done;
  }
  expect([payload, isDone]).toEqual(['hello world', true]);
});
