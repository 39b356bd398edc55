import type { Random } from './random.ts';

/** One to three requests on a connection: mostly valid, some with what smuggling is made of, some then damaged. */
export function generateRequests(random: Random): Buffer {
  let text = '';
  const count = random.oneIn(3) ? 2 + random.int(2) : 1;
  for (let i = 0; i < count; i++) text += request(random);
  return Buffer.from(mutate(random, text), 'latin1');
}

/** The responses to one request: interim ones now and then, and a final one. */
export function generateResponses(random: Random): Buffer {
  let text = '';
  while (random.oneIn(6)) {
    text += `HTTP/1.1 ${random.pick(['100 Continue', '102 Processing', '103 Early Hints'])}\r\n${fields(random, 2)}\r\n`;
  }
  const version = random.oneIn(8) ? random.pick(ODD_VERSIONS) : random.pick(['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0']);
  const status = random.pick([
    '200 OK',
    '200 OK',
    '404 Not Found',
    '204 No Content',
    '304 Not Modified',
    '500 ',
    '301',
  ]);
  text += `${version} ${random.oneIn(12) ? random.pick(ODD_STATUSES) : status}\r\n`;
  return Buffer.from(mutate(random, text + fieldsAndBody(random)), 'latin1');
}

const METHODS = ['GET', 'GET', 'POST', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'QUERY'];
const ODD_METHODS = ['get', 'G\tET', 'FOO', 'CONNECT', 'PRI', '', 'GE(T', 'M-SEARCH', 'SOURCE', 'ANNOUNCE'];
const TARGETS = ['/', '/a', '/a/b?c=d', '/%2f..%2e?x=%00', '/a//b/./c', '/a;b=c', '/?', "/a'b(c)[d]|{e}"];
const ODD_TARGETS = [
  ...['*', 'http://example.com', 'http://example.com/a?b', 'HTTPS://EXAMPLE.com:8443?q', 'http://u:p@h/', 'http:///a'],
  ...['example.com:443', '/a#b', '/a b', '/\u00e9', 'ftp://h/', '//h/a', 'a', '\\a', '/\t', 'http://[::1]:80/', '?a'],
];
const ODD_VERSIONS = [
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.2',
  'HTTP/1.10',
  'HTTP/11',
  'HTTP/1,1',
  'ICE/1.0',
  '',
];
const ODD_STATUSES = ['99 Low', '600 High', '2000 OK', '2OO OK', ' 200 OK', '200\tOK', '101 Switching', '100 Continue'];
const ODD_HOSTS = ['', 'a,b', 'u@h', 'h/p', 'h:', 'h:x', 'h:99999', '[::1]', '[::1]:80', '[::1', 'A.Example.', 'a..b'];
const NAMES = [
  'Accept',
  'X-Test',
  'Cookie',
  'x-request-id',
  'Content-Type',
  'X_Forwarded_For',
  '__proto__',
  '12',
  'TE',
];
const ODD_NAMES = ['', 'a b', 'a\tb', 'a(', 'x\u00e9', 'Content-Length ', ' Host', '\tx', 'a\0', 'a\r', 'a"'];
const VALUES = ['', 'b', 'a, b', '  spaced  ', '\ttab\t', 'text/html; q=0.8', 'caf\u00e9', '"q\\"', 'x'.repeat(200)];
const ODD_VALUES = ['a\0b', 'a\x01', 'a\x7fb', 'a\rb', 'a\nb', 'a\r\n b', '\r', 'a\x0bb', 'a\x80\xff'];
const LENGTHS = ['+5', '-1', '0x5', '5,5', '5, 5', ' 5', '5 ', '5 5', '', '05', '9007199254740993', '1e1', '٥', '5;'];
const CODINGS = ['gzip', 'chunked, gzip', 'gzip, chunked', 'identity', 'Chunked', 'chunked ', '\tchunked', 'xchunked'];
const ODD_CODINGS = [
  '',
  'chunked,',
  ',chunked',
  'chunked, chunked',
  'chunked;a=b',
  '"chunked"',
  'chunked\0',
  'chu nked',
];
const SIZES = [
  '+5',
  '-5',
  '0x5',
  ' 5',
  '5 ',
  '',
  '5\t',
  'ffffffffffffffff',
  '20000000000000',
  '5;',
  '5 ;a',
  '5;a b',
  'g',
];
const EXTENSIONS = [';a', ';a=b', ';a="b;c"', ';a="\\""', ';a=b;c', ';=b', ';a="', ';a=\x01', `;${'e'.repeat(300)}`];
const LINE_ENDS = ['\n', '\r', '\r\r\n', ' \r\n', '\r\n ', '\n\n', '\r\n\r\n', '\0\r\n', ''];
const TRAILER_LINES = [
  'X-T: 1',
  'X-T: a\r\nX-U: b',
  'Content-Length: 5',
  'Host: x',
  'bad',
  'Set-Cookie: a=b',
  ': x',
  ' x',
];
const INSERTS = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '0',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  '\x7f',
  '\xff',
];

function request(random: Random): string {
  const lead = random.oneIn(15) ? random.pick(['\r\n', '\r\n\r\n', '\n', ' ', '\r']) : '';
  const method = random.oneIn(25) ? random.pick(ODD_METHODS) : random.pick(METHODS);
  const target = random.oneIn(12) ? random.pick(ODD_TARGETS) : random.pick(TARGETS);
  const version = random.oneIn(25) ? random.pick(ODD_VERSIONS) : random.oneIn(8) ? 'HTTP/1.0' : 'HTTP/1.1';
  const host = random.oneIn(20) ? '' : `Host: ${random.oneIn(15) ? random.pick(ODD_HOSTS) : 'example.com'}\r\n`;
  const space = random.oneIn(60) ? random.pick(['  ', '\t', '']) : ' ';
  return `${lead}${method}${space}${target} ${version}\r\n${host}${fieldsAndBody(random)}`;
}

function fieldsAndBody(random: Random): string {
  let text = fields(random, 4);
  let body = '';
  if (random.oneIn(6)) text += `Connection: ${random.pick(['close', 'keep-alive', 'X-Test, close', ', ,', 'te'])}\r\n`;
  if (random.oneIn(20)) text += `Expect: ${random.pick(['100-continue', '100-Continue', 'x'])}\r\n`;
  // Never with `Connection: upgrade`: Node's server then stops reading the connection, whatever follows.
  if (random.oneIn(20)) text += 'Upgrade: websocket\r\n';
  const framing = random.int(8);
  if (framing < 2) {
    body = 'b'.repeat(random.int(20));
    text += `Content-Length: ${body.length}\r\n`;
  } else if (framing < 4) {
    body = chunked(random);
    text += 'Transfer-Encoding: chunked\r\n';
  } else if (framing === 4) {
    body = random.oneIn(2) ? 'bbbbb' : chunked(random);
    const lines = [
      `Content-Length: ${random.oneIn(2) ? '5' : random.pick(LENGTHS)}\r\n`,
      `Content-Length: ${random.oneIn(2) ? '5' : random.pick(LENGTHS)}\r\n`,
      `Transfer-Encoding: ${random.oneIn(2) ? 'chunked' : random.pick([...CODINGS, ...ODD_CODINGS])}\r\n`,
      `Transfer-Encoding: ${random.oneIn(2) ? 'chunked' : random.pick([...CODINGS, ...ODD_CODINGS])}\r\n`,
      'Content_Length: 7\r\n',
    ];
    for (let count = 1 + random.int(3); count > 0; count--) text += random.pick(lines);
  }
  return `${text}${fields(random, 1)}\r\n${body}`;
}

function fields(random: Random, most: number): string {
  let text = '';
  for (let count = random.int(most + 1); count > 0; count--) {
    const name = random.oneIn(40) ? random.pick(ODD_NAMES) : random.pick(NAMES);
    const value = random.oneIn(30) ? random.pick(ODD_VALUES) : random.pick(VALUES);
    const colon = random.oneIn(60) ? random.pick([' : ', '', '::', ' :']) : random.oneIn(4) ? ':' : ': ';
    const end = random.oneIn(60) ? random.pick(LINE_ENDS) : '\r\n';
    text += `${name}${colon}${value}${end}`;
  }
  return text;
}

function chunked(random: Random): string {
  let text = '';
  for (let count = random.int(4); count > 0; count--) {
    const data = 'c'.repeat(1 + random.int(20));
    const zeros = random.oneIn(8) ? '00' : '';
    const hex = random.oneIn(2) ? data.length.toString(16) : data.length.toString(16).toUpperCase();
    const size = random.oneIn(40) ? random.pick(SIZES) : `${zeros}${hex}`;
    const extension = random.oneIn(8) ? random.pick(EXTENSIONS) : '';
    const end = random.oneIn(50) ? random.pick(LINE_ENDS) : '\r\n';
    text += `${size}${extension}${end}${data}${random.oneIn(50) ? random.pick(LINE_ENDS) : '\r\n'}`;
  }
  const trailers = random.oneIn(6) ? `${random.pick(TRAILER_LINES)}\r\n` : '';
  return `${text}${random.oneIn(20) ? '000' : '0'}\r\n${trailers}\r\n`;
}

/** Half of all texts stay as they are; the others are damaged in one to three places. */
function mutate(random: Random, text: string): string {
  let mutated = text;
  if (random.oneIn(2)) return mutated;
  for (let count = 1 + random.int(3); count > 0; count--) {
    const at = random.int(mutated.length + 1);
    const length = random.oneIn(3) ? random.int(20) : 1;
    const [before, cut, after] = [mutated.slice(0, at), mutated.slice(at, at + length), mutated.slice(at + length)];
    switch (random.int(5)) {
      case 0:
        mutated = before + after;
        break;
      case 1:
        mutated = before + random.pick(INSERTS) + cut + after;
        break;
      case 2:
        mutated = before + String.fromCharCode(random.int(256)) + after;
        break;
      case 3:
        mutated = before + cut + cut + after;
        break;
      default:
        mutated = before;
    }
  }
  return mutated;
}
