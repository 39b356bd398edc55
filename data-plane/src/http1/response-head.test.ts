import { describe, expect, test } from 'vitest';
import { RESPONSE_HEAD_LIMITS, type Refusal, type ResponseHead, ResponseHeadReader } from './index.ts';

function read(text: string, method = 'GET'): ResponseHead | Refusal | undefined {
  return new ResponseHeadReader().read(Buffer.from(text, 'latin1'), 0, method);
}

const refused = { ok: false, code: 'upstream_protocol_error', status: 502 };

describe('the status line', () => {
  test.each([
    ['HTTP/1.1 200 OK', { status: 200, reason: 'OK', minor: 1 }],
    ['HTTP/1.0 404 Not Found', { status: 404, reason: 'Not Found', minor: 0 }],
    ['HTTP/1.1 200 ', { status: 200, reason: '' }],
    ['HTTP/1.1 200', { status: 200, reason: '' }],
    ['HTTP/1.1 500 Ori\u00ebntatieprobleem', { status: 500, reason: 'Ori\u00ebntatieprobleem' }],
    ['HTTP/1.1 599 \tx', { status: 599, reason: '\tx' }],
  ])('%j is read', (line, expected) => {
    expect(read(`${line}\r\n\r\n`)).toMatchObject({ ok: true, ...expected });
  });

  test.each([
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1 99 Low',
    'HTTP/1.1 600 High',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 2OO OK',
    'HTTP/1.1 200OK',
    'HTTP/1.1 200 O\0K',
    'HTTP/1.1 200 OK\r',
    'HTTP/2.0 200 OK',
    'HTTP/0.9 200 OK',
    'HTTP/1.2 200 OK',
    'http/1.1 200 OK',
    ' HTTP/1.1 200 OK',
    '\r\nHTTP/1.1 200 OK',
    'ICY 200 OK',
    '200 OK',
    '',
  ])('%j is refused', (line) => {
    expect(read(`${line}\r\n\r\n`)).toMatchObject(refused);
  });

  test('of 1024 bytes is read, a longer one refused', () => {
    const line = (length: number) => `HTTP/1.1 200 ${'x'.repeat(length - 15)}\r\n`;
    expect(read(`${line(1024)}\r\n`)).toMatchObject({ ok: true });
    expect(read(`${line(1025)}\r\n`)).toMatchObject(refused);
    expect(read('x'.repeat(1025))).toMatchObject(refused);
  });
});

describe('the body', () => {
  test.each([
    ['200 OK', ['Content-Length: 5'], 'GET', 'length', true],
    ['200 OK', ['Content-Length: 0'], 'GET', 'none', true],
    ['200 OK', ['Transfer-Encoding: chunked'], 'GET', 'chunked', true],
    ['200 OK', [], 'GET', 'close', false],
    ['200 OK', [], 'HEAD', 'none', true],
    ['200 OK', ['Content-Length: 5'], 'HEAD', 'none', true],
    ['200 OK', ['Transfer-Encoding: chunked'], 'HEAD', 'none', true],
    ['204 No Content', [], 'GET', 'none', true],
    ['204 No Content', ['Content-Length: 0'], 'GET', 'none', true],
    ['304 Not Modified', ['Content-Length: 5'], 'GET', 'none', true],
    ['304 Not Modified', ['Transfer-Encoding: chunked'], 'GET', 'none', true],
    ['205 Reset Content', ['Content-Length: 0'], 'GET', 'none', true],
    ['200 OK', ['Content-Length: 5', 'Connection: close'], 'GET', 'length', false],
  ])('of %s with %j to %s ends by %s, the connection stays: %j', (status, fields, method, body, keepAlive) => {
    const lines = fields.map((field) => `${field}\r\n`).join('');
    expect(read(`HTTP/1.1 ${status}\r\n${lines}\r\n`, method)).toMatchObject({ ok: true, body, keepAlive });
  });

  test.each([
    ['200 OK', ['Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['200 OK', ['Transfer-Encoding: chunked', 'Content-Length: 5']],
    ['200 OK', ['Content-Length: 5', 'Content-Length: 5']],
    ['200 OK', ['Content-Length: 5,5']],
    ['200 OK', ['Content-Length: -1']],
    ['200 OK', ['Transfer-Encoding: gzip']],
    ['200 OK', ['Transfer-Encoding: gzip, chunked']],
    ['204 No Content', ['Content-Length: 5']],
    ['204 No Content', ['Transfer-Encoding: chunked']],
    ['100 Continue', ['Content-Length: 5']],
    ['101 Switching Protocols', ['Transfer-Encoding: chunked']],
    ['200 OK', ['X: a\nY: b']],
    ['200 OK', ['X: a\r\n b']],
    ['200 OK', ['X : a']],
  ])('of %s with %j is refused', (status, fields) => {
    expect(read(`HTTP/1.1 ${status}\r\n${fields.join('\r\n')}\r\n\r\n`)).toMatchObject(refused);
  });

  test('of HTTP/1.0 is never chunked, and its connection stays only where it says so', () => {
    expect(read('HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')).toMatchObject(refused);
    expect(read('HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n')).toMatchObject({ keepAlive: false });
    const kept = 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n';
    expect(read(kept)).toMatchObject({ keepAlive: true });
  });
});

test('interim responses are given one by one before the final one', () => {
  const bytes = Buffer.from('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nLink: a\r\n\r\nHTTP/1.1 204 No\r\n\r\n');
  const reader = new ResponseHeadReader();
  const statuses: number[] = [];
  for (let at = 0; at < bytes.length; at = reader.end) {
    const head = reader.read(bytes, at, 'GET');
    if (head === undefined || !head.ok) throw new Error('not read');
    expect(head.body).toBe('none');
    statuses.push(head.status);
  }
  expect(statuses).toEqual([100, 103, 204]);
});

test('101 gives what it upgrades to where its Connection says so', () => {
  const upgraded = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x00';
  expect(read(upgraded)).toMatchObject({ status: 101, upgrade: 'websocket', body: 'none' });
  expect(read('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n')).toMatchObject({ upgrade: null });
});

test('a head beyond the limits is a protocol error', () => {
  const { headerBytes, headerCount } = RESPONSE_HEAD_LIMITS;
  const many = (count: number) => read(`HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(count)}\r\n`);
  expect(many(headerCount)).toMatchObject({ ok: true });
  expect(many(headerCount + 1)).toMatchObject(refused);
  const long = (bytes: number) => read(`HTTP/1.1 200 OK\r\nA: ${'b'.repeat(bytes - 7)}\r\n\r\n`);
  expect(long(headerBytes)).toMatchObject({ ok: true });
  expect(long(headerBytes + 1)).toMatchObject(refused);
});

test('a Date is known to be there, unless Connection takes it away', () => {
  const of = (...lines: string[]) =>
    read(`HTTP/1.1 204 No Content\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`);
  expect(of('Date: x')).toMatchObject({ dated: true });
  expect(of()).toMatchObject({ dated: false });
  expect(of('Date: x', 'Connection: Date')).toMatchObject({ dated: false });
});
