import { chunkedHidden, HIDDEN, hidden, message, type SmugglingCase, TARGET } from './case.ts';

/** Lines that some readers take for two, and others for one; names that some take for another name. */
export function lineCases(): SmugglingCase[] {
  return [...written(), ...lineEnds(), ...bytesEverywhere()];
}

/** Fields that an attacker would like one reader to see and another not. */
const FIELDS = [
  ['Transfer-Encoding', 'chunked', chunkedHidden],
  ['Content-Length', String(hidden.length), hidden],
  ['Host', 'evil', ''],
  ['Connection', 'close', ''],
  ['X-Consumer', 'admin', ''],
] as const;

type Writing = readonly [what: string, write: (name: string, value: string) => string];

const WRITINGS: readonly Writing[] = [
  ['a space before the colon', (n, v) => `${n} : ${v}`],
  ['a tab before the colon', (n, v) => `${n}\t: ${v}`],
  ['two spaces before the colon', (n, v) => `${n}  : ${v}`],
  ['a vertical tab before the colon', (n, v) => `${n}\x0b: ${v}`],
  ['a form feed before the colon', (n, v) => `${n}\x0c: ${v}`],
  ['NUL before the colon', (n, v) => `${n}\0: ${v}`],
  ['CR before the colon', (n, v) => `${n}\r: ${v}`],
  ['LF before the colon', (n, v) => `${n}\n: ${v}`],
  ['a fold before the colon', (n, v) => `${n}\r\n : ${v}`],
  ['a no-break space before the colon', (n, v) => `${n}\xa0: ${v}`],
  ['DEL before the colon', (n, v) => `${n}\x7f: ${v}`],
  ['a space before the name', (n, v) => ` ${n}: ${v}`],
  ['a tab before the name', (n, v) => `\t${n}: ${v}`],
  ['NUL before the name', (n, v) => `\0${n}: ${v}`],
  ['a vertical tab before the name', (n, v) => `\x0b${n}: ${v}`],
  ['CR before the name', (n, v) => `\r${n}: ${v}`],
  ['LF before the name', (n, v) => `\n${n}: ${v}`],
  ['a byte order mark before the name', (n, v) => `\xef\xbb\xbf${n}: ${v}`],
  ['a space in the name', (n, v) => `${n.replace('-', ' ')} : ${v}`],
  ['a comment behind the name', (n, v) => `${n}(x): ${v}`],
  ['quotes around the name', (n, v) => `"${n}": ${v}`],
  ['two colons', (n, v) => `${n}:: ${v}`],
  ['no colon', (n, v) => `${n} ${v}`],
  ['an equals sign', (n, v) => `${n}=${v}`],
  ['an empty name before it', (n, v) => `: x\r\n${n}: ${v}`],
  ['a fold before the value', (n, v) => `${n}:\r\n ${v}`],
  ['a fold with a tab before the value', (n, v) => `${n}:\r\n\t${v}`],
  ['a fold behind the value', (n, v) => `${n}: ${v}\r\n `],
  ['itself folded into another field', (n, v) => `X-A: b\r\n ${n}: ${v}`],
  ['itself behind a bare LF', (n, v) => `X-A: b\n${n}: ${v}`],
  ['itself behind a bare CR', (n, v) => `X-A: b\r${n}: ${v}`],
  ['itself behind LF CR', (n, v) => `X-A: b\n\r${n}: ${v}`],
  ['itself behind CR CR LF', (n, v) => `X-A: b\r\r\n${n}: ${v}`],
  ['itself behind NUL', (n, v) => `X-A: b\0${n}: ${v}`],
  ['itself behind U+2028', (n, v) => `X-A: b\xe2\x80\xa8${n}: ${v}`],
  ['itself behind NEL', (n, v) => `X-A: b\x85${n}: ${v}`],
  ['itself behind escaped line ends', (n, v) => `X-A: b%0d%0a${n}: ${v}`],
  ['itself behind line ends of other bits', (n, v) => `X-A: b\x8d\x8a${n}: ${v}`],
  ['its value behind a bare CR', (n, v) => `${n}: \r${v}`],
  ['its value before a bare CR', (n, v) => `${n}: ${v}\r`],
  ['its value in quotes', (n, v) => `${n}: "${v}"`],
  ['an underscore in the name', (n, v) => `${n.replace('-', '_')}: ${v}`],
  ['a dot in the name', (n, v) => `${n.replace('-', '.')}: ${v}`],
  ['a longer name', (n, v) => `${n}-: ${v}`],
  ['a name in other letters', (n, v) => `${n.toUpperCase().replace('E', '\xc9')}: ${v}`],
];

function written(): SmugglingCase[] {
  const cases: SmugglingCase[] = [];
  for (const [name, value, body] of FIELDS) {
    for (const [what, write] of WRITINGS) {
      const line = write(name, value);
      for (const version of ['1.1', '1.0']) {
        const add = (where: string, bytes: string) =>
          cases.push({ name: `${name} with ${what}, ${where} in HTTP/${version}`, bytes, most: 1 });
        // A body that is none to a reader who does not see the field is a second request to it.
        const own = body === '' || body === chunkedHidden ? '' : body;
        add('first', `POST ${TARGET} HTTP/${version}\r\n${line}\r\nHost: h\r\nX-Case: 00000\r\n\r\n`);
        add('last', message([line], '', { version }));
        add(
          'with a length',
          message([line, `Content-Length: ${hidden.length}`], own === '' ? hidden : own, { version }),
        );
      }
    }
  }
  return cases;
}

function lineEnds(): SmugglingCase[] {
  const ends = [
    '\n',
    '\r',
    '\r\r\n',
    '\n\r',
    '\r\n\n',
    '\0\r\n',
    ' \r\n',
    '\t\r\n',
    '\x0b\r\n',
    '\x0c\n',
    '\x85',
    '\r\0\n',
    '\r \n',
    '',
  ];
  const cases: SmugglingCase[] = [];
  for (const end of ends) {
    const shown = JSON.stringify(end);
    const add = (where: string, bytes: string) => cases.push({ name: `${shown} ${where}`, bytes, most: 1 });
    add('behind the request line', `POST ${TARGET} HTTP/1.1${end}Host: h\r\nX-Case: 00000\r\n\r\n`);
    add('behind the first field', `POST ${TARGET} HTTP/1.1\r\nX-Case: 00000${end}Host: h\r\n\r\n`);
    add('behind the last field', `POST ${TARGET} HTTP/1.1\r\nHost: h\r\nX-Case: 00000${end}\r\n`);
    add('for the empty line', `POST ${TARGET} HTTP/1.1\r\nHost: h\r\nX-Case: 00000\r\n${end}`);
    add(
      'at every line',
      `POST ${TARGET} HTTP/1.1${end}Host: h${end}X-Case: 00000${end}Content-Length: 5${end}${end}hello`,
    );
    add('before the request line', `${end}${message([])}`);
    add('before the request line, twice', `${end}${end}${message([])}`);
    add(
      'in the middle of the head',
      `POST ${TARGET} HTTP/1.1\r\nHost: h\r\nX-Case: 00000\r\n${end}Content-Length: 5\r\n\r\nhello`,
    );
  }
  // What ends a head for some readers may not be a second request to others.
  return cases.map((one) => ({ ...one, most: one.bytes.includes(HIDDEN) ? 1 : one.most }));
}

/** Every byte that means something to some reader, in every place where a reader looks for something. */
function bytesEverywhere(): SmugglingCase[] {
  const codes = [
    ...Array(0x30).keys(),
    ...[0x3a, 0x3b, 0x3c, 0x3d, 0x40, 0x5b, 0x5c, 0x5d, 0x5f, 0x7b, 0x7c, 0x7f],
    ...[0x80, 0x85, 0x8a, 0x8d, 0xa0, 0xad, 0xff],
  ];
  const places: Readonly<Record<string, (byte: string) => string>> = {
    'in a name': (b) => message([`X-${b}A: b`]),
    'before a colon': (b) => message([`X-A${b}: b`]),
    'behind a colon': (b) => message([`X-A:${b}b`]),
    'in a value': (b) => message([`X-A: a${b}b`]),
    'at the end of a value': (b) => message([`X-A: b${b}`]),
    'in a length': (b) => message([`Content-Length: ${b}5`], 'hello'),
    'behind a length': (b) => message([`Content-Length: 5${b}`], 'hello'),
    'before a coding': (b) => message([`Transfer-Encoding:${b}chunked`], '5\r\nhello\r\n0\r\n\r\n'),
    'behind a coding': (b) => message([`Transfer-Encoding: chunked${b}`], '5\r\nhello\r\n0\r\n\r\n'),
    'in the method': (b) => `PO${b}ST ${TARGET} HTTP/1.1\r\nHost: h\r\nX-Case: 00000\r\n\r\n`,
    'in the target': (b) => `POST ${TARGET}/a${b}b HTTP/1.1\r\nHost: h\r\nX-Case: 00000\r\n\r\n`,
    'in the query': (b) => `POST ${TARGET}?a${b}b HTTP/1.1\r\nHost: h\r\nX-Case: 00000\r\n\r\n`,
    'before the version': (b) => `POST ${TARGET} ${b}HTTP/1.1\r\nHost: h\r\nX-Case: 00000\r\n\r\n`,
    'behind the version': (b) => `POST ${TARGET} HTTP/1.1${b}\r\nHost: h\r\nX-Case: 00000\r\n\r\n`,
    'in the host': (b) => `POST ${TARGET} HTTP/1.1\r\nHost: h${b}i\r\nX-Case: 00000\r\n\r\n`,
    'before a chunk size': (b) => message(['Transfer-Encoding: chunked'], `${b}5\r\nhello\r\n0\r\n\r\n`),
    'behind a chunk size': (b) => message(['Transfer-Encoding: chunked'], `5${b}\r\nhello\r\n0\r\n\r\n`),
    'behind chunk data': (b) => message(['Transfer-Encoding: chunked'], `5\r\nhello${b}\r\n0\r\n\r\n`),
    'behind the last chunk': (b) => message(['Transfer-Encoding: chunked'], `5\r\nhello\r\n0${b}\r\n\r\n`),
    'in a trailer': (b) => message(['Transfer-Encoding: chunked'], `5\r\nhello\r\n0\r\nX-T${b}: a\r\n\r\n`),
  };
  return Object.entries(places).flatMap(([where, write]) =>
    codes.map((code) => ({
      name: `byte 0x${code.toString(16)} ${where}`,
      bytes: write(String.fromCharCode(code)),
      // A LF behind the last chunk may end the body early, and what follows be nothing.
      most: 1,
    })),
  );
}
