/** Forms of requests by which one message has been made to look like two, or two like one, and what becomes of each. */

/** What the origin may see of a message: `METHOD TARGET BODY`. */
export type SmugglingForm = {
  readonly name: string;
  readonly bytes: string;
  readonly verdict: { readonly refused: number } | { readonly forwarded: readonly string[] };
};

/** What an attacker wants to be taken for a request of its own. */
const hidden = 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n';
const chunkedHidden = `0\r\n\r\n${hidden}`;

const post = (fields: readonly string[], body: string, version = '1.1'): string =>
  `POST /f HTTP/${version}\r\nHost: h\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n${body}`;
const chunked = (body: string): string => post(['Transfer-Encoding: chunked'], body);

const refused = (status: number, entries: Readonly<Record<string, string>>): SmugglingForm[] =>
  Object.entries(entries).map(([name, bytes]) => ({ name, bytes, verdict: { refused: status } }));

const forwarded = (entries: Readonly<Record<string, readonly [bytes: string, ...seen: string[]]>>): SmugglingForm[] =>
  Object.entries(entries).map(([name, [bytes, ...seen]]) => ({ name, bytes, verdict: { forwarded: seen } }));

export const smugglingForms: readonly SmugglingForm[] = [
  // Two ways to tell the length.
  ...refused(400, {
    'CL.TE': post([`Content-Length: ${chunkedHidden.length}`, 'Transfer-Encoding: chunked'], chunkedHidden),
    'TE.CL': post(['Transfer-Encoding: chunked', 'Content-Length: 4'], chunkedHidden),
    'TE.TE': post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], chunkedHidden),
    'TE.TE, the second unknown': post(['Transfer-Encoding: chunked', 'Transfer-Encoding: x'], chunkedHidden),
    'chunked twice in one field': post(['Transfer-Encoding: chunked, chunked'], chunkedHidden),
    'chunked not last': post(['Transfer-Encoding: chunked, identity'], chunkedHidden),
    'chunked behind an empty element': post(['Transfer-Encoding: ,chunked'], chunkedHidden),
    'chunked in quotes': post(['Transfer-Encoding: "chunked"'], chunkedHidden),
    'chunked with a parameter': post(['Transfer-Encoding: chunked;q=1'], chunkedHidden),
    'chunked behind a vertical tab': post(['Transfer-Encoding:\x0bchunked'], chunkedHidden),
    'chunked with a letter of another alphabet': post(['Transfer-Encoding: chun\xabed'], chunkedHidden),
    'an empty Transfer-Encoding': post(['Transfer-Encoding:'], chunkedHidden),
    'Transfer-Encoding in HTTP/1.0': post(['Transfer-Encoding: chunked'], chunkedHidden, '1.0'),
    'two lengths': post(['Content-Length: 0', `Content-Length: ${hidden.length}`], hidden),
    'the same length twice': post(['Content-Length: 5', 'Content-Length: 5'], 'hello'),
    'a list of lengths': post(['Content-Length: 5,5'], 'hello'),
    'a list of different lengths': post([`Content-Length: 0, ${hidden.length}`], hidden),
    'a length with a sign': post(['Content-Length: +5'], 'hello'),
    'a negative length': post(['Content-Length: -1'], hidden),
    'a length in hex': post(['Content-Length: 0x5'], 'hello'),
    'a length with an exponent': post(['Content-Length: 5e0'], 'hello'),
    'a length with a fraction': post(['Content-Length: 5.0'], 'hello'),
    'a length in two words': post(['Content-Length: 5 5'], 'hello'),
    'a length with an underscore': post(['Content-Length: 1_0'], 'hello'),
    'a length in other digits': post(['Content-Length: \xb2'], 'hello'),
    'an empty length': post(['Content-Length:'], hidden),
    'a length that overflows 64 bits': post(['Content-Length: 18446744073709551616'], hidden),
    'a length that overflows 32 bits twice': post(['Content-Length: 18446744069414584321'], 'h'),
  }),
  ...refused(501, {
    'an unknown coding': post(['Transfer-Encoding: xchunked'], chunkedHidden),
    identity: post(['Transfer-Encoding: identity'], hidden),
    'gzip before chunked': post(['Transfer-Encoding: gzip, chunked'], chunkedHidden),
  }),

  // Lines that some readers take for two, and others for one.
  ...refused(400, {
    'a space before the colon': post(['Transfer-Encoding : chunked'], chunkedHidden),
    'a tab before the colon': post(['Content-Length\t: 5'], 'hello'),
    'a field folded over two lines': post(['X: a\r\n b'], ''),
    'a folded Transfer-Encoding': post(['Transfer-Encoding:\r\n chunked'], chunkedHidden),
    'a first field that begins with a space': `POST /f HTTP/1.1\r\n Host: h\r\n\r\n`,
    'a bare LF behind the request line': `POST /f HTTP/1.1\nHost: h\r\n\r\n`,
    'a bare LF behind a field': `POST /f HTTP/1.1\r\nHost: h\nContent-Length: 5\r\n\r\nhello`,
    'a bare LF at the end of the head': `POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\nhello`,
    'a bare CR in a value': post(['X: a\rTransfer-Encoding: chunked'], ''),
    'a bare CR before a CRLF': post(['X: a\r'], ''),
    'a bare CR behind the request line': `POST /f HTTP/1.1\rHost: h\r\n\r\n`,
    'NUL in a value': post(['X: a\0b'], ''),
    'NUL in a name': post(['X\0: a'], ''),
    'NUL before Transfer-Encoding': post(['\0Transfer-Encoding: chunked'], chunkedHidden),
    'a control character in a value': post(['X: \x01'], ''),
    'a name of no token': post(['Transfer Encoding: chunked'], ''),
    'an empty name': post([': chunked'], ''),
    'a line without a colon': post(['Transfer-Encoding'], ''),
    'a byte over 127 in a name': post(['Transfer-Encod\xefng: chunked'], ''),
  }),

  // The request line.
  ...refused(400, {
    'a target with a space': 'GET /f HTTP/1.1 HTTP/1.1\r\nHost: h\r\n\r\n',
    'two spaces': 'GET  /f HTTP/1.1\r\nHost: h\r\n\r\n',
    'a tab for a space': 'GET\t/f\tHTTP/1.1\r\nHost: h\r\n\r\n',
    'no version': `GET /f\r\nHost: h\r\n\r\n`,
    'another protocol': 'GET /f ICE/1.1\r\nHost: h\r\n\r\n',
    'a version in small letters': 'GET /f http/1.1\r\nHost: h\r\n\r\n',
    'two empty lines before it': `\r\n\r\nGET /f HTTP/1.1\r\nHost: h\r\n\r\n`,
    'a target with NUL': 'GET /f\0 HTTP/1.1\r\nHost: h\r\n\r\n',
    'a target with a byte over 127': 'GET /f\xe9 HTTP/1.1\r\nHost: h\r\n\r\n',
    'a fragment': 'GET /f#g HTTP/1.1\r\nHost: h\r\n\r\n',
    'an authority for a target': 'GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n',
    'an asterisk with GET': 'GET * HTTP/1.1\r\nHost: h\r\n\r\n',
    'no Host': 'GET /f HTTP/1.1\r\n\r\n',
    'two Hosts': 'GET /f HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n',
    'a list of Hosts': 'GET /f HTTP/1.1\r\nHost: h, i\r\n\r\n',
    'a Host with a path': 'GET /f HTTP/1.1\r\nHost: h/x\r\n\r\n',
    'a Host with user information': 'GET /f HTTP/1.1\r\nHost: a@h\r\n\r\n',
  }),
  ...refused(501, {
    CONNECT: 'CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n',
    'a method in small letters': 'get /f HTTP/1.1\r\nHost: h\r\n\r\n',
  }),
  ...refused(505, {
    'HTTP/0.9 with a version': 'GET /f HTTP/0.9\r\nHost: h\r\n\r\n',
    'HTTP/1.2': 'GET /f HTTP/1.2\r\nHost: h\r\n\r\n',
    'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  }),
  ...refused(417, { 'an unknown expectation': post(['Expect: 200-ok', 'Content-Length: 5'], 'hello') }),

  // Chunks.
  ...refused(400, {
    'a chunk size that overflows 64 bits': chunked(`10000000000000005\r\nhello\r\n${chunkedHidden}`),
    'a chunk size beyond 2^53': chunked(`20000000000000\r\nhello\r\n${chunkedHidden}`),
    'a chunk size with a sign': chunked('+5\r\nhello\r\n0\r\n\r\n'),
    'a negative chunk size': chunked(`-1\r\n${hidden}`),
    'a chunk size with 0x': chunked('0x5\r\nhello\r\n0\r\n\r\n'),
    'a chunk size with an underscore': chunked('1_0\r\nhello\r\n0\r\n\r\n'),
    'a chunk size behind a space': chunked(' 5\r\nhello\r\n0\r\n\r\n'),
    'a chunk size before a space': chunked('5 \r\nhello\r\n0\r\n\r\n'),
    'an empty chunk size': chunked('\r\nhello\r\n0\r\n\r\n'),
    'a chunk size that ends with a bare LF': chunked('5\nhello\r\n0\r\n\r\n'),
    'a chunk size that ends with a bare CR': chunked('5\rhello\r\n0\r\n\r\n'),
    'a chunk longer than it says': chunked(`5\r\nhello, world\r\n${chunkedHidden}`),
    'a chunk shorter than it says': chunked(`6\r\nhello\r\n${chunkedHidden}`),
    'a chunk without a line end': chunked(`5\r\nhello${chunkedHidden}`),
    'a chunk that ends with a bare LF': chunked(`5\r\nhello\n${chunkedHidden}`),
    'a chunk extension with a bare LF': chunked(`5;a\nhello\r\n${chunkedHidden}`),
    'a chunk extension with a bare CR': chunked(`5;a\rb\r\nhello\r\n${chunkedHidden}`),
    'a chunk extension with a line end in quotes': chunked(`5;a="\r\n"\r\nhello\r\n${chunkedHidden}`),
    'a chunk extension with NUL': chunked('5;a\0\r\nhello\r\n0\r\n\r\n'),
    'a chunk extension without a name': chunked('5;\r\nhello\r\n0\r\n\r\n'),
    'a long chunk extension': chunked(`5;a=${'b'.repeat(300)}\r\nhello\r\n0\r\n\r\n`),
    'Content-Length in the trailers': chunked('5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n'),
    'Transfer-Encoding in the trailers': chunked('5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n'),
    'Host in the trailers': chunked('5\r\nhello\r\n0\r\nHost: i\r\n\r\n'),
    'a request for a trailer': chunked(`5\r\nhello\r\n0\r\n${hidden}`),
    'a folded trailer': chunked('5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n'),
    'trailers that end with a bare LF': chunked('5\r\nhello\r\n0\r\n\n'),
  }),

  // What has one meaning is forwarded, and has the same one there.
  ...forwarded({
    'CL.0: a request for a body': [post([`Content-Length: ${hidden.length}`], hidden), `POST /f ${hidden}`],
    '0.CL: a request for the body of a GET': [
      `GET /f HTTP/1.1\r\nHost: h\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
      `GET /f ${hidden}`,
    ],
    'a request for a chunk': [chunked(`${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`), `POST /f ${hidden}`],
    'a request for the body of an OPTIONS with Expect': [
      `OPTIONS /f HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
      `OPTIONS /f ${hidden}`,
    ],
    'two requests in a row are two': [
      `${post(['Content-Length: 5'], 'hello')}GET /g HTTP/1.1\r\nHost: h\r\n\r\n`,
      'POST /f hello',
      'GET /g ',
    ],
    'a request behind a chunked body is a second one': [
      `${chunked('5\r\nhello\r\n0\r\n\r\n')}GET /g HTTP/1.1\r\nHost: h\r\n\r\n`,
      'POST /f hello',
      'GET /g ',
    ],
    'a length with zeros before it': [post(['Content-Length: 005'], 'hello'), 'POST /f hello'],
    'a chunk size with zeros before it': [chunked('0005\r\nhello\r\n000\r\n\r\n'), 'POST /f hello'],
    'a chunk size in capitals': [chunked('A\r\n0123456789\r\n0\r\n\r\n'), 'POST /f 0123456789'],
    'chunk extensions are left out': [chunked('5;a;b=c;d="e;f"\r\nhello\r\n0;g\r\n\r\n'), 'POST /f hello'],
    'a length of underscores is no length': [
      `${post(['Content_Length: 50'], '')}GET /g HTTP/1.1\r\nHost: h\r\n\r\n`,
      'POST /f ',
      'GET /g ',
    ],
    'a coding of underscores is no coding': [
      post(['Transfer_Encoding: chunked', 'Content-Length: 5'], 'hello'),
      'POST /f hello',
    ],
    'a length that Connection lists stays': [
      post(['Connection: Content-Length', 'Content-Length: 5'], 'hello'),
      'POST /f hello',
    ],
    'a coding that Connection lists stays': [
      post(['Connection: Transfer-Encoding, Host', 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
      'POST /f hello',
    ],
    'Transfer-Encoding in another spelling': [
      post(['tRANSFER-eNCODING: CHUNKED'], '5\r\nhello\r\n0\r\n\r\n'),
      'POST /f hello',
    ],
    'one empty line before the request': ['\r\nGET /f HTTP/1.1\r\nHost: h\r\n\r\n', 'GET /f '],
    'an absolute target wins over Host': ['GET http://h/f HTTP/1.1\r\nHost: i\r\n\r\n', 'GET /f '],
    'dot segments are resolved once': ['GET /a/../f/./g HTTP/1.1\r\nHost: h\r\n\r\n', 'GET /f/g '],
    'encoded dot segments too': ['GET /a/%2e%2e/f HTTP/1.1\r\nHost: h\r\n\r\n', 'GET /f '],
    'an Upgrade to h2c is not passed on': [
      'GET /f HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n',
      'GET /f ',
    ],
    'trailers with a name of their own': [chunked('5\r\nhello\r\n0\r\nX: y\r\n\r\n'), 'POST /f hello'],
  }),
];
