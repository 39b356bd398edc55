import { describe, expect, test } from 'vitest';
import { createRequestHeadReader, type Refusal, type RequestHead } from './index.ts';

function read(text: string): RequestHead | Refusal | undefined {
  return createRequestHeadReader().read(Buffer.from(text, 'latin1'), 0);
}

/** Reads a request that has the given fields besides Host. */
function readWith(...fields: string[]): RequestHead | Refusal | undefined {
  return read(`POST / HTTP/1.1\r\nHost: a\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`);
}

test('a head is read whole from one chunk and the offset behind it is given', () => {
  const bytes = Buffer.from('xxPOST /a?b HTTP/1.1\r\nHost: Example.com:80\r\ncontent-LENGTH:2\r\n\r\nhi');
  const reader = createRequestHeadReader();
  expect(reader.read(bytes, 2)).toEqual({
    ok: true,
    method: 'POST',
    target: '/a?b',
    path: '/a?b',
    form: 'origin',
    scheme: '',
    minor: 1,
    host: { name: 'example.com', port: 80, authority: 'example.com:80' },
    headers: ['Host', 'Example.com:80', 'content-LENGTH', '2'],
    ids: [1, 2],
    text: 'POST /a?b HTTP/1.1\r\nHost: Example.com:80\r\ncontent-LENGTH:2\r\n\r\n',
    lines: [20, ~42, 60],
    body: 'length',
    contentLength: 2,
    chunked: false,
    keepAlive: true,
    closeAsked: false,
    keepAliveAsked: false,
    connectionTokens: null,
    upgradeAsked: false,
    upgrade: null,
    expectContinue: false,
    trailersAccepted: false,
    maxForwards: -1,
    hostSeen: true,
    hostEmpty: false,
    upgradeValue: null,
  });
  expect(reader.end).toBe(bytes.length - 2);
});

test('pipelined heads are read one after another from one chunk', () => {
  const bytes = Buffer.from('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
  const reader = createRequestHeadReader();
  expect(reader.read(bytes, 0)).toMatchObject({ path: '/1' });
  expect(reader.read(bytes, reader.end)).toMatchObject({ path: '/2' });
  expect(reader.end).toBe(bytes.length);
  expect(reader.started).toBe(false);
});

test('one empty line before a request is skipped, a second one refused', () => {
  expect(read('\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({ ok: true });
  expect(read('\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({ status: 400 });
});

describe('the request line', () => {
  test.each([
    ['GET / HTTP/1.1', 'GET'],
    ['QUERY / HTTP/1.1', 'QUERY'],
    ['M-SEARCH / HTTP/1.0', 'M-SEARCH'],
  ])('%j is read', (line, method) => {
    expect(read(`${line}\r\nHost: a\r\n\r\n`)).toMatchObject({ ok: true, method });
  });

  test.each([
    ['get / HTTP/1.1', 501],
    ['FOO / HTTP/1.1', 501],
    ['CONNECT a:443 HTTP/1.1', 501],
    ['PRI * HTTP/2.0', 505],
    ['GET / HTTP/2.0', 505],
    ['GET / HTTP/0.9', 505],
    ['GET / HTTP/1.2', 505],
    ['GET / HTTP/1.10', 400],
    ['GET / HTTP/11', 400],
    ['GET / http/1.1', 400],
    ['GET / HTTP/1,1', 400],
    ['GET / HTTP/1.1 ', 400],
    ['GET /  HTTP/1.1', 400],
    ['GET  / HTTP/1.1', 400],
    [' GET / HTTP/1.1', 400],
    ['GET\t/ HTTP/1.1', 400],
    ['GET /', 400],
    ['GET / ', 400],
    ['GET', 400],
    ['GE(T / HTTP/1.1', 400],
    ['GET /a b HTTP/1.1', 400],
    ['GET /a\tb HTTP/1.1', 400],
    ['GET /a#b HTTP/1.1', 400],
    ['GET /caf\u00e9 HTTP/1.1', 400],
    ['GET /\x7f HTTP/1.1', 400],
    ['GET /\0 HTTP/1.1', 400],
    ['GET / HTTP/1.1\r', 400],
    [`${'M'.repeat(33)} / HTTP/1.1`, 400],
  ])('%j is refused with %i', (line, status) => {
    expect(read(`${line}\r\nHost: a\r\n\r\n`)).toMatchObject({ ok: false, status });
  });

  test('with a bare LF is refused', () => {
    expect(read('GET / HTTP/1.1\nHost: a\r\n\r\n')).toMatchObject({ code: 'bad_request' });
  });

  test('may have a target as long as the limit and not longer', () => {
    const limits = { targetBytes: 20, headerBytes: 1000, headerCount: 10 };
    for (const [length, status] of [
      [20, undefined],
      [21, 414],
    ] as const) {
      const bytes = Buffer.from(`GET /${'a'.repeat(length - 1)} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect(createRequestHeadReader(limits).read(bytes, 0)).toMatchObject(
        status === undefined ? { ok: true } : { status },
      );
    }
  });
});

describe('the target', () => {
  test.each([
    ['GET', '/', { form: 'origin', path: '/', scheme: '' }],
    ['GET', '//a/../b', { form: 'origin', path: '//a/../b' }],
    ['GET', '/%2f\\"|', { form: 'origin', path: '/%2f\\"|' }],
    ['GET', 'http://B.example', { form: 'absolute', path: '/', scheme: 'http', host: { authority: 'b.example' } }],
    ['GET', 'HTTPS://b:8443/x?y', { form: 'absolute', path: '/x?y', scheme: 'https', host: { authority: 'b:8443' } }],
    ['GET', 'http://b?y/z', { form: 'absolute', path: '/?y/z', host: { authority: 'b' } }],
    ['OPTIONS', 'http://b', { form: 'absolute', path: '*', host: { authority: 'b' } }],
    ['OPTIONS', 'http://b/', { form: 'absolute', path: '/', host: { authority: 'b' } }],
    ['OPTIONS', 'http://b?x', { form: 'absolute', path: '/?x', host: { authority: 'b' } }],
    ['GET', 'http://[::1]:80/', { form: 'absolute', path: '/', host: { name: '[::1]', port: 80 } }],
    ['OPTIONS', '*', { form: 'asterisk', path: '*' }],
  ])('%s %s has its form', (method, target, expected) => {
    expect(read(`${method} ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)).toMatchObject({ ok: true, target, ...expected });
  });

  test.each([
    ['GET', '*'],
    ['GET', 'a'],
    ['GET', '?a'],
    ['GET', '\\a'],
    ['GET', 'b:443'],
    ['GET', 'ftp://b/'],
    ['GET', 'http:/b'],
    ['GET', 'http://'],
    ['GET', 'http:///x'],
    ['GET', 'http://u@b/'],
    ['GET', 'http://u:p@b/'],
    ['GET', 'http://b,c/'],
    ['GET', 'http://b:/'],
    ['GET', 'http://b\\c/'],
    ['GET', 'http://%62/'],
    ['OPTIONS', '**'],
  ])('%s %s is refused', (method, target) => {
    expect(read(`${method} ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)).toMatchObject({ code: 'bad_request' });
  });

  test('in absolute form decides the host, whatever Host says', () => {
    expect(read('GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({ host: { name: 'b' } });
    expect(read('GET http://b/ HTTP/1.1\r\nHost:\r\n\r\n')).toMatchObject({ host: { name: 'b' } });
  });
});

describe('Host', () => {
  test.each([
    ['absent', ''],
    ['empty', 'Host: \r\n'],
    ['twice', 'Host: a\r\nHost: a\r\n'],
    ['twice, one empty', 'Host:\r\nHost: a\r\n'],
    ['a list', 'Host: a, b\r\n'],
    ['with user information', 'Host: u@a\r\n'],
    ['with a path', 'Host: a/b\r\n'],
    ['with junk for a port', 'Host: a:x\r\n'],
  ])('%s is refused', (_case, fields) => {
    expect(read(`GET / HTTP/1.1\r\n${fields}\r\n`)).toMatchObject({ code: 'bad_request' });
  });

  test('absent in an absolute target is refused too, and an invalid one beside it', () => {
    expect(read('GET http://b/ HTTP/1.1\r\n\r\n')).toMatchObject({ code: 'bad_request' });
    expect(read('GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n')).toMatchObject({ code: 'bad_request' });
  });

  test('may be absent or empty in HTTP/1.0', () => {
    expect(read('GET / HTTP/1.0\r\n\r\n')).toMatchObject({ ok: true, host: null, keepAlive: false });
    expect(read('GET / HTTP/1.0\r\nHost:\r\n\r\n')).toMatchObject({ ok: true, host: null });
    expect(read('GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n')).toMatchObject({ code: 'bad_request' });
  });
});

describe('a header line', () => {
  test.each([
    ['X: a', ['X', 'a']],
    ['X:a', ['X', 'a']],
    ['X: \t a b \t', ['X', 'a b']],
    ['X:', ['X', '']],
    ['X: \t ', ['X', '']],
    ['X: caf\u00e9\xff\x80', ['X', 'caf\u00e9\xff\x80']],
    ['X: a:b', ['X', 'a:b']],
    ["!#$%&'*+-.^_`|~09AZaz: a", ["!#$%&'*+-.^_`|~09AZaz", 'a']],
    ['__proto__: a', ['__proto__', 'a']],
    ['constructor: a', ['constructor', 'a']],
    ['12345: a', ['12345', 'a']],
  ])('%j is read', (line, field) => {
    expect(readWith(line)).toMatchObject({ ok: true, headers: ['Host', 'a', ...field] });
  });

  test.each([
    ['with a bare LF', 'X: a\nY: b'],
    ['with a bare CR', 'X: a\rY: b'],
    ['with CR CR LF', 'X: a\r'],
    ['folded', 'X: a\r\n b'],
    ['folded by a tab', 'X: a\r\n\tb'],
    ['with a space before the colon', 'X : a'],
    ['with a tab before the colon', 'X\t: a'],
    ['with a space before the name', ' X: a'],
    ['without a name', ': a'],
    ['without a colon', 'X'],
    ['with a space in the name', 'X Y: a'],
    ['with a quote in the name', 'X": a'],
    ['with a letter beyond ASCII in the name', 'caf\u00e9: a'],
    ['with a NUL in the name', 'X\0: a'],
    ['with a NUL', 'X: a\0'],
    ['with a control character', 'X: a\x01b'],
    ['with a vertical tab', 'X: a\x0bb'],
    ['with DEL', 'X: a\x7f'],
  ])('%s is refused', (_case, line) => {
    expect(readWith(line)).toMatchObject({ code: 'bad_request' });
  });
});

describe('framing', () => {
  test.each([
    [[], { body: 'none', contentLength: -1 }],
    [['Content-Length: 0'], { body: 'none', contentLength: 0 }],
    [['Content-Length: 5'], { body: 'length', contentLength: 5 }],
    [['CONTENT-length:\t 005 '], { body: 'length', contentLength: 5 }],
    [['Content-Length: 9007199254740991'], { body: 'length', contentLength: Number.MAX_SAFE_INTEGER }],
    [['Transfer-Encoding: chunked'], { body: 'chunked', contentLength: -1 }],
    [['transfer-encoding:CHUNKED '], { body: 'chunked' }],
    [['Content_Length: 5'], { body: 'none' }],
    [['Transfer_Encoding: chunked'], { body: 'none' }],
    [['Content-Length-X: 5'], { body: 'none' }],
  ])('%j is understood', (fields, expected) => {
    expect(readWith(...fields)).toMatchObject({ ok: true, ...expected });
  });

  test.each([
    ['CL.TE', ['Content-Length: 5', 'Transfer-Encoding: chunked'], 400],
    ['TE.CL', ['Transfer-Encoding: chunked', 'Content-Length: 5'], 400],
    ['TE.TE', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], 400],
    ['TE.TE in one', ['Transfer-Encoding: chunked, chunked'], 400],
    ['two lengths', ['Content-Length: 5', 'Content-Length: 6'], 400],
    ['the same length twice', ['Content-Length: 5', 'Content-Length: 5'], 400],
    ['a list of lengths', ['Content-Length: 5,5'], 400],
    ['a length with a sign', ['Content-Length: +5'], 400],
    ['a negative length', ['Content-Length: -5'], 400],
    ['a length in hex', ['Content-Length: 0x5'], 400],
    ['a length with an exponent', ['Content-Length: 1e1'], 400],
    ['a length with a space', ['Content-Length: 5 5'], 400],
    ['an empty length', ['Content-Length:'], 400],
    ['a length beyond 2^53', ['Content-Length: 9007199254740992'], 400],
    ['a length of 20 digits', ['Content-Length: 00000000000000000005'], 400],
    ['an unknown coding', ['Transfer-Encoding: pigeons'], 501],
    ['identity', ['Transfer-Encoding: identity'], 501],
    ['gzip and chunked', ['Transfer-Encoding: gzip, chunked'], 501],
    ['chunked not last', ['Transfer-Encoding: chunked, gzip'], 400],
    ['chunked with a parameter', ['Transfer-Encoding: chunked;a=b'], 400],
    ['chunked in quotes', ['Transfer-Encoding: "chunked"'], 400],
    ['an empty element', ['Transfer-Encoding: ,chunked'], 400],
    ['an empty coding', ['Transfer-Encoding:'], 400],
    ['chunked behind a tab', ['Transfer-Encoding:\tchunked'], 400],
    ['chunked before a tab', ['Transfer-Encoding: chunked\t'], 400],
  ])('%s is refused', (_case, fields, status) => {
    expect(readWith(...fields)).toMatchObject({ ok: false, status });
  });

  test('Transfer-Encoding in HTTP/1.0 is refused', () => {
    expect(read('POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n')).toMatchObject({ code: 'bad_request' });
  });
});

describe('the connection', () => {
  test.each([
    ['1.1', [], true],
    ['1.1', ['Connection: close'], false],
    ['1.1', ['Connection: Close'], false],
    ['1.1', ['Connection: keep-alive, close'], false],
    ['1.1', ['Connection: keep-alive', 'Connection: close'], false],
    ['1.0', [], false],
    ['1.0', ['Connection: Keep-Alive'], true],
    ['1.0', ['Connection: keep-alive, close'], false],
  ])('HTTP/%s with %j stays open: %j', (version, fields, keepAlive) => {
    const lines = fields.map((field) => `${field}\r\n`).join('');
    expect(read(`GET / HTTP/${version}\r\nHost: a\r\n${lines}\r\n`)).toMatchObject({ ok: true, keepAlive });
  });

  test('names fields to be removed', () => {
    expect(readWith('Connection: X-A, close, ,te', 'Connection: x-b')).toMatchObject({
      connectionTokens: ['x-a', 'te', 'x-b'],
    });
    expect(readWith('Connection: keep-alive')).toMatchObject({ connectionTokens: null });
  });

  test('may name 32 fields, each a token', () => {
    const names = (count: number) => `Connection: ${Array.from({ length: count }, (_, i) => `x-${i}`).join(',')}`;
    expect(readWith(names(32))).toMatchObject({ ok: true });
    expect(readWith(names(33))).toMatchObject({ code: 'bad_request' });
    expect(readWith('Connection: a b')).toMatchObject({ code: 'bad_request' });
  });

  test('is upgraded only where Connection says so, in HTTP/1.1', () => {
    expect(readWith('Upgrade: websocket', 'Connection: Upgrade')).toMatchObject({ upgrade: 'websocket' });
    expect(readWith('Upgrade: websocket')).toMatchObject({ upgrade: null });
    expect(readWith('Connection: upgrade')).toMatchObject({ upgrade: null });
    const old = 'GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n';
    expect(read(old)).toMatchObject({ upgrade: null });
    expect(readWith('Upgrade: a', 'Upgrade: b')).toMatchObject({ code: 'bad_request' });
  });

  test('takes trailers where TE says so', () => {
    expect(readWith('TE: gzip, Trailers')).toMatchObject({ trailersAccepted: true });
    expect(readWith('TE: gzip')).toMatchObject({ trailersAccepted: false });
  });
});

describe('Expect', () => {
  test('100-continue is waited for where a body follows, in HTTP/1.1', () => {
    expect(readWith('Expect: 100-Continue', 'Content-Length: 1')).toMatchObject({ expectContinue: true });
    expect(readWith('Expect: 100-continue')).toMatchObject({ expectContinue: false });
    const old = 'POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n';
    expect(read(old)).toMatchObject({ expectContinue: false });
  });

  test.each(['garbage', '', '100-continue, x', '100-continue, 100-continue'])('%j is refused with 417', (value) => {
    expect(readWith(`Expect: ${value}`)).toMatchObject({ code: 'expectation_failed', status: 417 });
  });
});

describe('Max-Forwards', () => {
  test('is read as a number', () => {
    expect(readWith('Max-Forwards: 0')).toMatchObject({ maxForwards: 0 });
    expect(readWith('max-forwards:010')).toMatchObject({ maxForwards: 10 });
    expect(readWith()).toMatchObject({ maxForwards: -1 });
  });

  test.each(['', '-1', '+1', '0x1', '1,2', '1 2', '1e1', '1234567890'])('%j is refused', (value) => {
    expect(readWith(`Max-Forwards: ${value}`)).toMatchObject({ code: 'bad_request' });
  });

  test('twice is refused', () => {
    expect(readWith('Max-Forwards: 1', 'Max-Forwards: 1')).toMatchObject({ code: 'bad_request' });
  });
});
