import { chunkedHidden, hello, hidden, message, type SmugglingCase } from './case.ts';

/** Two ways to tell where a message ends, and ways to hide one of them. */
export function framingCases(): SmugglingCase[] {
  return [...lengths(), ...codings(), ...bodies()];
}

const LENGTHS = [
  ...[
    '+5',
    '-5',
    '-0',
    '0x5',
    '5,5',
    '5, 5',
    '5,6',
    '0,5',
    '5,',
    ',5',
    '5 5',
    '5;5',
    '5;a=b',
    '"5"',
    '5.0',
    '5e0',
    '1_0',
  ],
  ...[
    '',
    ' ',
    '\t',
    '5\t',
    '\t5',
    ' 5 ',
    '05',
    '0005',
    '00000000000000005',
    '18446744073709551616',
    '9007199254740993',
  ],
  ...[
    '18446744073709551621',
    '4294967301',
    '99999999999999999999999',
    '\xb2',
    '\xd9\xa5',
    '5\x0b',
    '\x0c5',
    '5\xa0',
    '\xa05',
  ],
  ...['5\0', '\x005', '5\x7f', 'five', 'NaN', 'Infinity', 'null', '5h', '5/5', "5'", '0b101', '0o5', '١', '5\x85'],
] as const;

function lengths(): SmugglingCase[] {
  const cases: SmugglingCase[] = [];
  const add = (name: string, lines: string[], version = '1.1', method = 'POST') =>
    cases.push({ name, bytes: message(lines, 'hello', { version, method }), most: 1 });
  for (const value of LENGTHS) {
    const shown = JSON.stringify(value);
    for (const version of ['1.1', '1.0']) {
      add(`Content-Length: ${shown} in HTTP/${version}`, [`Content-Length: ${value}`], version);
      add(
        `Content-Length: ${shown} behind one of 5 in HTTP/${version}`,
        ['Content-Length: 5', `Content-Length: ${value}`],
        version,
      );
      add(
        `Content-Length: ${shown} before one of 5 in HTTP/${version}`,
        [`Content-Length: ${value}`, 'content-length: 5'],
        version,
      );
    }
    add(`Content-Length: ${shown} with GET`, [`Content-Length: ${value}`], '1.1', 'GET');
    add(`Content-Length:${shown} without a space`, [`Content-Length:${value}`]);
  }
  return cases.map((one) =>
    /^Content-Length: "(0*5| 5 |\\t5|5\\t)"/.test(one.name) ? one : { ...one, ...knownLength(one) },
  );
}

/** Two lengths are never one. */
function knownLength({ name }: SmugglingCase): { verdict?: 'refused' } {
  return name.includes('one of 5') ? { verdict: 'refused' } : {};
}

const CODINGS = [
  ...['chunked', 'Chunked', 'CHUNKED', 'chunked ', ' chunked', '\tchunked', 'chunked\t', '  chunked  '],
  ...[
    'xchunked',
    'chunkedx',
    'x-chunked',
    'chunked, chunked',
    'chunked,chunked',
    'chunked, identity',
    'identity, chunked',
  ],
  ...[
    'gzip, chunked',
    'chunked, gzip',
    'gzip',
    'deflate',
    'identity',
    'cow',
    'chunked;q=1',
    'chunked; a=b',
    'chunked;',
  ],
  ...[',chunked', 'chunked,', ',,chunked', ', chunked', 'chunked ,', '"chunked"', "'chunked'", 'chunk', 'chun ked'],
  ...['\x0bchunked', 'chunked\x0b', '\x0cchunked', 'chunked\x0c', '\0chunked', 'chunked\0', 'chunked\x7f', 'chun\0ked'],
  ...[
    '\xa0chunked',
    'chunked\xa0',
    'chun\xabed',
    '\x85chunked',
    'c\xe7hunked',
    'chunked\xff',
    '',
    ' ',
    'nothing\tchunked',
  ],
  ...[
    'chunked#',
    'chunked/1',
    'chunked:1',
    '(chunked)',
    'chunked x',
    'x chunked',
    'chunked\rX: y',
    '\rchunked',
    'chunked\r',
  ],
  ...[
    'trailers, chunked',
    'compress',
    'chunked=1',
    'te',
    'true',
    '*',
    'chunked, ',
    'chunked,,',
    'ch\\unked',
    '\u017fchunked',
  ],
] as const;

function codings(): SmugglingCase[] {
  const cases: SmugglingCase[] = [];
  const clean = /^ *chunked *$/i;
  for (const value of CODINGS) {
    const line = `Transfer-Encoding: ${value}`;
    const shown = JSON.stringify(value);
    const add = (
      name: string,
      lines: string[],
      body: string,
      version = '1.1',
      verdict: SmugglingCase['verdict'] = 'refused',
    ) => cases.push({ name, bytes: message(lines, body, { version }), most: 1, verdict });
    const alone = clean.test(value) ? 'forwarded' : 'refused';
    add(`Transfer-Encoding: ${shown}`, [line], hello, '1.1', alone);
    add(`Transfer-Encoding: ${shown} in HTTP/1.0`, [line], hello, '1.0');
    const length = `Content-Length: ${chunkedHidden.length}`;
    add(`CL.TE: Transfer-Encoding: ${shown}`, [length, line], chunkedHidden);
    add(`TE.CL: Transfer-Encoding: ${shown}`, [line, length], chunkedHidden);
    add(`TE.CL with a short length: ${shown}`, [line, 'Content-Length: 4'], chunkedHidden);
    add(`CL.TE of 0: ${shown}`, ['Content-Length: 0', line], chunkedHidden);
    add(`TE.TE: ${shown} behind chunked`, ['Transfer-Encoding: chunked', line], chunkedHidden);
    add(`TE.TE: ${shown} before chunked`, [line, 'transfer-encoding: chunked'], chunkedHidden);
    add(`both in HTTP/1.0: ${shown}`, [length, line, 'Connection: keep-alive'], chunkedHidden, '1.0');
  }
  return cases;
}

/** CL.0, 0.CL and bodies where none is expected: they have one meaning, and it must be the same at the origin. */
function bodies(): SmugglingCase[] {
  const cases: SmugglingCase[] = [];
  const methods = [
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'DELETE',
    'PATCH',
    'OPTIONS',
    'QUERY',
    'PROPFIND',
    'SEARCH',
    'LOCK',
    'PURGE',
  ];
  const chunk = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;
  for (const method of methods) {
    const add = (name: string, lines: string[], body: string, decoded: string, version = '1.1') =>
      cases.push({
        name: `${method} with ${name}`,
        bytes: message(lines, body, { method, version }),
        most: 1,
        verdict: 'forwarded',
        body: decoded,
      });
    add('a request for a body', [`Content-Length: ${hidden.length}`], hidden, hidden);
    add('a request for a body in HTTP/1.0', [`Content-Length: ${hidden.length}`], hidden, hidden, '1.0');
    add('a request for a chunk', ['Transfer-Encoding: chunked'], chunk, hidden);
    add(
      'the end of a chunked body for a body',
      [`Content-Length: ${chunkedHidden.length}`],
      chunkedHidden,
      chunkedHidden,
    );
    add('an empty body', ['Content-Length: 0'], '', '');
    add('no length', [], '', '');
    add('a length of underscores', ['Content_Length: 50'], '', '');
    add('a coding of underscores', ['Transfer_Encoding: chunked', 'Content-Length: 5'], 'hello', 'hello');
    add('Expect', ['Expect: 100-continue', `Content-Length: ${hidden.length}`], hidden, hidden);
    add(
      'a length that Connection lists',
      ['Connection: Content-Length', `Content-Length: ${hidden.length}`],
      hidden,
      hidden,
    );
    add(
      'a coding that Connection lists',
      ['Connection: transfer-encoding', 'Transfer-Encoding: chunked'],
      chunk,
      hidden,
    );
  }
  return cases;
}
