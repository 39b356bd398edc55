import { describe, expect, test } from 'vitest';
import {
  createRequestHeadReader,
  dropTable,
  type FieldText,
  fieldLine,
  HeaderId,
  HeadWriter,
  REQUEST_DROP,
  RESPONSE_DROP,
  type RequestHead,
  type ResponseHead,
  ResponseHeadReader,
  withBody,
} from './index.ts';

function request(fields: readonly string[], pieces = 1): RequestHead {
  const bytes = Buffer.from(
    `GET /a HTTP/1.1\r\nHost: a.example\r\n${fields.map((f) => `${f}\r\n`).join('')}\r\n`,
    'latin1',
  );
  const reader = createRequestHeadReader();
  let head: unknown;
  const size = Math.ceil(bytes.length / pieces);
  for (let at = 0; at < bytes.length; at += size) head = reader.read(bytes.subarray(at, at + size), 0);
  return head as RequestHead;
}

function forward(head: RequestHead, drop = REQUEST_DROP): string | undefined {
  const writer = new HeadWriter();
  writer.request(head.method, head.path, head.host);
  writer.forward(head, drop);
  return writer.end();
}

const start = 'GET /a HTTP/1.1\r\nHost: a.example\r\n';

describe('a forwarded request', () => {
  test('has the fields received, in order and spelling, but not what belongs to the connection', () => {
    const head = request([
      ...['Accept: */*', 'Connection: close', 'Keep-Alive: 5', 'Proxy-Connection: x', 'x-a:1', 'X-B:  2 ', 'TE: gzip'],
      ...['Upgrade: h2c', 'HTTP2-Settings: x', 'Trailer: X', 'Content-Length: 0', 'Proxy-Authorization: x', 'X-C: 3'],
    ]);
    expect(forward(head)).toBe(`${start}Accept: */*\r\nx-a: 1\r\nX-B: 2\r\nTrailer: X\r\nX-C: 3\r\n\r\n`);
  });

  test('is the same whether it came whole or in pieces', () => {
    const fields = ['A: 1', 'B:2', 'Connection: C', 'C: 3', 'D:  4', 'E: 5', 'F: '];
    const whole = forward(request(fields));
    expect(whole).toBe(`${start}A: 1\r\nB: 2\r\nD: 4\r\nE: 5\r\nF: \r\n\r\n`);
    for (let pieces = 2; pieces < 60; pieces++) expect(forward(request(fields, pieces))).toBe(whole);
  });

  test('loses what its Connection names, but never what frames or addresses it', () => {
    const head = request([
      'Connection: X-Consumer-Id, Authorization, Host, Content-Length, transfer-encoding, close',
      ...['X-Consumer-Id: 1', 'AUTHORIZATION: b', 'Accept: */*', 'Content-Length: 5'],
    ]);
    expect(forward(head)).toBe(`${start}Accept: */*\r\n\r\n`);
    const keepsLength = dropTable(null, [HeaderId.host, HeaderId.connection]);
    expect(forward(head, keepsLength)).toBe(`${start}Accept: */*\r\nContent-Length: 5\r\n\r\n`);
  });

  test('has what the gateway adds, whatever Connection names', () => {
    const head = request(['Connection: X-Request-Id, X-Consumer', 'X-Request-Id: theirs']);
    const writer = new HeadWriter();
    writer.request(head.method, head.path, head.host);
    writer.forward(head, dropTable(REQUEST_DROP, [HeaderId.requestId]));
    writer.field('x-request-id', 'ours');
    writer.fields(fieldLine('x-consumer', 'c') as FieldText);
    writer.contentLength(3);
    expect(writer.end()).toBe(`${start}x-request-id: ours\r\nx-consumer: c\r\nContent-Length: 3\r\n\r\n`);
  });

  test('never has underscore twins of the names the gateway acts on', () => {
    expect(forward(request(['Content_Length: 5', 'X_Forwarded_For: 1', 'x_custom: 2']))).toBe(
      `${start}x_custom: 2\r\n\r\n`,
    );
  });

  test('has the validated host, not the one spelled', () => {
    const bytes = Buffer.from('GET http://B.example.:80?x HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(forward(createRequestHeadReader().read(bytes, 0) as RequestHead)).toBe(
      'GET /?x HTTP/1.1\r\nHost: b.example:80\r\n\r\n',
    );
  });

  test('without a host has an empty one', () => {
    const bytes = Buffer.from('GET / HTTP/1.0\r\n\r\n');
    expect(forward(createRequestHeadReader().read(bytes, 0) as RequestHead)).toBe('GET / HTTP/1.1\r\nHost: \r\n\r\n');
  });
});

test('a forwarded response has the fields received but not what belongs to the connection', () => {
  const lines = [
    'Date: x',
    'Connection: close, X-Internal',
    'X-Internal: 1',
    'Transfer-Encoding: chunked',
    'Set-Cookie: a',
  ];
  const bytes = Buffer.from(`HTTP/1.0 200 Fine\r\n${lines.join('\r\n')}\r\n\r\n`.replace('1.0', '1.1'));
  const head = new ResponseHeadReader().read(bytes, 0, 'GET') as ResponseHead;
  const writer = new HeadWriter();
  writer.response(head.status, head.reason);
  writer.forward(head, RESPONSE_DROP);
  writer.chunked();
  expect(writer.end()).toBe('HTTP/1.1 200 Fine\r\nDate: x\r\nSet-Cookie: a\r\nTransfer-Encoding: chunked\r\n\r\n');
});

describe('nothing with a line break is written', () => {
  test.each(['a\r\nb', 'a\nb', 'a\rb', 'a\0', '\x7f', '\u010a', 'a\u2028'])('in a value: %j', (value) => {
    expect(fieldLine('x', value)).toBeUndefined();
    const writer = new HeadWriter();
    writer.response(200, 'OK');
    writer.field('location', value);
    writer.field('x', 'fine');
    expect(writer.end()).toBeUndefined();
  });

  test.each(['', 'a b', 'a:', 'a\r\n', 'caf\u00e9'])('in a name: %j', (name) => {
    expect(fieldLine(name, 'a')).toBeUndefined();
  });

  test.each(['/a b', '/a\r\n', '/\0', '/caf\u00e9', '/\u010a'])('in a path: %j', (path) => {
    const writer = new HeadWriter();
    writer.request('GET', path, null);
    expect(writer.end()).toBeUndefined();
  });

  test('in a reason; and the next head of the same writer is written', () => {
    const writer = new HeadWriter();
    writer.response(200, 'a\r\nb');
    expect(writer.end()).toBeUndefined();
    writer.response(200, 'OK');
    expect(writer.end()).toBe('HTTP/1.1 200 OK\r\n\r\n');
  });

  test('but tabs, and letters that are one byte in latin1', () => {
    expect(fieldLine('x', 'a\tb caf\u00e9')).toBe('x: a\tb caf\u00e9\r\n');
  });
});

test('a small body leaves with its head, byte for byte', () => {
  const body = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const sent = Buffer.from(withBody('HTTP/1.1 200 OK\r\n\r\n', body, 0, 256), 'latin1');
  expect(sent.subarray(-256)).toEqual(body);
});

test('lines put together of texts go in whole or refuse the head', () => {
  const withLines = (text: string) => {
    const writer = new HeadWriter();
    writer.response(200, 'OK');
    writer.lines(text);
    return writer.end();
  };
  expect(withLines('')).toBe('HTTP/1.1 200 OK\r\n\r\n');
  expect(withLines('a: b\r\nc:\r\n'.replace('c:', 'c: '))).toBe('HTTP/1.1 200 OK\r\na: b\r\nc: \r\n\r\n');
  for (const text of [
    'a: b',
    'a: b\n',
    'a: b\r\n\r\n',
    'a: b\r\nGET /\r\n',
    'a: b\rc\r\n',
    'a b: c\r\n',
    'a: \0\r\n',
    ': b\r\n',
  ]) {
    expect(withLines(text)).toBeUndefined();
  }
});
