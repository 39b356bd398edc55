/** The oracle is held to the grammar itself: what it lets pass, no test behind it would find. */
import { describe, expect, test } from 'vitest';
import { readStrictly } from './strict-requests.ts';

const own =
  'x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\nforwarded: for=127.0.0.1\r\nx-request-id: a\r\ntraceparent: b\r\n';
const request = (lines = '', body = '', start = 'POST /a HTTP/1.1', host = 'Host: h\r\n') =>
  `${start}\r\n${host}${own}${lines}\r\n${body}`;
const read = (text: string) => readStrictly(Buffer.from(text, 'latin1'));
const chunked = 'Transfer-Encoding: chunked\r\n';

test('clean requests are read with their bodies, one behind the other', () => {
  const bytes = `${request('Content-Length: 2\r\n', 'hi')}${request(chunked, '3\r\nabc\r\n0\r\nX-T: a\r\n\r\n')}${request('', '', 'OPTIONS * HTTP/1.1')}`;
  const { requests, fault, truncated } = read(bytes);
  expect([fault, truncated]).toEqual([undefined, false]);
  expect(requests.map(({ method, target, body }) => [method, target, body.toString()])).toEqual([
    ...[
      ['POST', '/a', 'hi'],
      ['POST', '/a', 'abc'],
      ['OPTIONS', '*', ''],
    ],
  ]);
});

test('every beginning of a clean request is truncated, and no fault', () => {
  const bytes = request(chunked, '3\r\nabc\r\n0\r\n\r\n');
  for (let end = 1; end < bytes.length; end++) {
    expect([end, read(bytes.slice(0, end)).fault, read(bytes.slice(0, end)).truncated]).toEqual([end, undefined, true]);
  }
});

describe('is a fault', () => {
  const faults: Readonly<Record<string, string>> = {
    'a bare LF': request().replace('Host: h\r\n', 'Host: h\n'),
    'a bare CR': request('X: a\rb\r\n'),
    NUL: request('X: \0\r\n'),
    'a fold': request('X: a\r\n b\r\n'),
    'a space before the colon': request('X : a\r\n'),
    'no space behind it': request('X:a\r\n'),
    'two spaces behind it': request('X:  a\r\n'),
    'a space at the end of a value': request('X: a \r\n'),
    'no Host': request('', '', 'GET / HTTP/1.1', ''),
    'two Hosts': request('host: h\r\n'),
    'a list for a Host': request('', '', 'GET / HTTP/1.1', 'Host: a,b\r\n'),
    'an empty Host': request('', '', 'GET / HTTP/1.1', 'Host: \r\n'),
    'a Host in capitals': request('', '', 'GET / HTTP/1.1', 'Host: H\r\n'),
    'HTTP/1.0': request('', '', 'GET / HTTP/1.0'),
    'an absolute target': request('', '', 'GET http://h/ HTTP/1.1'),
    'a dot segment': request('', '', 'GET /a/../b HTTP/1.1'),
    'a dot segment at the end': request('', '', 'GET /a/. HTTP/1.1'),
    'a dot segment with parameters': request('', '', 'GET /a/..;/b HTTP/1.1'),
    'a needless escape': request('', '', 'GET /%61 HTTP/1.1'),
    'an escape in small letters': request('', '', 'GET /%c3 HTTP/1.1'),
    'an escaped slash': request('', '', 'GET /a%2Fb HTTP/1.1'),
    'a backslash': request('', '', 'GET /a\\b HTTP/1.1'),
    'a fragment': request('', '', 'GET /a#b HTTP/1.1'),
    '* with GET': request('', '', 'GET * HTTP/1.1'),
    TRACE: request('', '', 'TRACE / HTTP/1.1'),
    'both framings': request(`Content-Length: 1\r\n${chunked}`, '0\r\n\r\n'),
    'two lengths': request('Content-Length: 1\r\nContent-Length: 1\r\n', 'a'),
    'a length with zeros before it': request('Content-Length: 01\r\n', 'a'),
    'another coding': request('Transfer-Encoding: gzip\r\n'),
    'a chunk extension': request(chunked, '1;a\r\nb\r\n0\r\n\r\n'),
    'a chunk size with zeros before it': request(chunked, '01\r\nb\r\n0\r\n\r\n'),
    'a chunk without CRLF': request(chunked, '1\r\nbc\r\n0\r\n\r\n'),
    'a length in the trailers': request(chunked, '0\r\nContent-Length: 1\r\n\r\n'),
    'its twin in the trailers': request(chunked, '0\r\nContent_Length: 1\r\n\r\n'),
    'a twin of a length': request('Content_Length: 1\r\n'),
    'a twin of a coding': request('transfer.encoding: chunked\r\n'),
    'a twin of the client address': request('X_Forwarded_For: 1.1.1.1\r\n'),
    'a second client address': request('X-Forwarded-For: 1.1.1.1\r\n'),
    'a consumer': request('X-Consumer-Groups: admin\r\n'),
    Connection: request('Connection: close\r\n'),
    Upgrade: request('Upgrade: h2c\r\n'),
    Expect: request('Expect: 100-continue\r\n'),
    'bytes behind a request': `${request()}GARBAGE\r\n\r\n`,
  };
  test.each(Object.entries(faults))('%s', (_, text) => {
    expect(read(text).fault).toBeTypeOf('string');
  });
});

test('of another proxy only what every server owes is asked', () => {
  const text = 'GET http://H/a/../b HTTP/1.0\r\nhost:H:\r\nConnection:  close \r\nX-Real-IP: 1.1.1.1\r\n\r\n';
  expect(readStrictly(Buffer.from(text), 'any').fault).toBeUndefined();
  const extended = `POST / HTTP/1.1\r\nHost: h\r\n${chunked}\r\n0a;b="c;d"\r\n0123456789\r\n00\r\n\r\n`;
  expect(readStrictly(Buffer.from(extended), 'any').fault).toBeUndefined();
  for (const line of ['Content_Length: 1', 'X : a', 'Host: h', 'Transfer-Encoding: x', 'X: a\r\n b', 'X: \0']) {
    expect(readStrictly(Buffer.from(`GET / HTTP/1.1\r\nHost: h\r\n${line}\r\n\r\n`), 'any').fault, line).toBeTypeOf(
      'string',
    );
  }
});
