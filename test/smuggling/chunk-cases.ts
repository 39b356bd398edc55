import { chunked, chunkedHidden, hidden, type SmugglingCase } from './case.ts';

/** Chunk sizes, extensions and ends. */
export function chunkCases(): SmugglingCase[] {
  return [...sizes(), ...extensions(), ...ends()];
}

function sizes(): SmugglingCase[] {
  const refused = [
    ...[
      '+5',
      '-5',
      '0x5',
      '0X5',
      ' 5',
      '5 ',
      '\t5',
      '5\t',
      '',
      ' ',
      'g',
      '5g',
      '5h',
      'five',
      '5.0',
      '5,5',
      '5 5',
      '5e0 ',
      '1_0',
    ],
    ...[
      'ffffffffffffffff',
      '10000000000000005',
      '100000000000000000000000005',
      '20000000000000',
      '7fffffffffffffff',
      '8000000000000000',
    ],
    ...[
      '00000000000000005',
      '\x005',
      '5\0',
      '\x0b5',
      '5\x0b',
      '5\x0c',
      '\xa05',
      '5\xa0',
      '"5"',
      '(5)',
      '5#',
      '5:',
      '5=',
      '#5',
      ':5',
    ],
    ...[
      '\xef\xbc\x95',
      '0o5',
      '5\r',
      '\r5',
      '\n5',
      '5\n',
      '-0',
      '+0',
      '0x',
      '0x0',
      '--5',
      '5-',
      '5%20',
      '%35',
      '$5',
      '5\x7f',
    ],
  ];
  const forwarded = ['5', '05', '0005', '0000000000000005'];
  return [
    ...refused.flatMap((size): SmugglingCase[] => [
      {
        name: `chunk size ${JSON.stringify(size)}`,
        bytes: chunked(`${size}\r\nhello\r\n${chunkedHidden}`),
        most: 2,
        verdict: 'refused',
      },
      {
        name: `chunk size ${JSON.stringify(size)} behind a chunk`,
        bytes: chunked(`1\r\nh\r\n${size}\r\nello!\r\n0\r\n\r\n`),
        most: 1,
        verdict: 'refused',
      },
      {
        name: `last chunk of size ${JSON.stringify(size)}`,
        bytes: chunked(`5\r\nhello\r\n${size}\r\n\r\n${hidden}`),
        most: 1,
        verdict: 'refused',
      },
    ]),
    ...forwarded.map((size): SmugglingCase => {
      return {
        name: `chunk size ${size}`,
        bytes: chunked(`${size}\r\nhello\r\n0\r\n\r\n`),
        most: 1,
        verdict: 'forwarded',
        body: 'hello',
      };
    }),
    ...['0', '00', '000'].map((size): SmugglingCase => {
      return {
        name: `last chunk ${size}`,
        bytes: chunked(`5\r\nhello\r\n${size}\r\n\r\n`),
        most: 1,
        verdict: 'forwarded',
        body: 'hello',
      };
    }),
  ];
}

function extensions(): SmugglingCase[] {
  const refused = [
    ...[
      ';',
      ';;',
      ';=b',
      ';a=',
      ';a="',
      ';a="\\',
      ';a=b c',
      '; a',
      ' ;a',
      ';a =b',
      ';a= b',
      '\t;a',
      ';a\tb',
      ';a,b',
      ';a=b,c',
    ],
    ...[
      ';a\0',
      ';a=\0',
      ';a="\0"',
      ';a\x0b',
      ';a="\x7f"',
      ';a="b"c',
      ';a=b"c"',
      ';a="\n"',
      ';a="\r"',
      ';a="\r\n"',
      ';a\n',
      ';a\rb',
    ],
    ...[
      `;a=${'b'.repeat(300)}`,
      `;${'a'.repeat(300)}`,
      ';a={',
      ';a=(b)',
      ';a@b',
      ';\xe9',
      ';a\x85',
      ',a',
      ':a',
      '=a',
      '#a',
      ';a=b\\',
      ';a=b\n5',
    ],
    ...[`;a\nhello\r\n0\r\n\r\n${hidden}`, `;\n${hidden}`, ';a="\n0\n\n"', ';a="\r\n0\r\n\r\n'],
  ];
  const forwarded = [
    ';a',
    ';a=b',
    ';a="b"',
    ';a="b;c"',
    ';a="\\""',
    ';a;b;c',
    ';a=b;c=d',
    ';a=""',
    `;a=${'b'.repeat(200)}`,
    ';a="\xe9"',
    ';5',
    ";a='b'",
  ];
  const chunk = (extension: string) => chunked(`5${extension}\r\nhello\r\n0\r\n\r\n`);
  const last = (extension: string) => chunked(`5\r\nhello\r\n0${extension}\r\n\r\n`);
  return [
    ...refused.flatMap((extension): SmugglingCase[] => [
      { name: `extension ${JSON.stringify(extension)}`, bytes: chunk(extension), most: 1, verdict: 'refused' },
      {
        name: `extension ${JSON.stringify(extension)} of the last chunk`,
        bytes: last(extension),
        most: 1,
        verdict: 'refused',
      },
    ]),
    ...forwarded.flatMap((extension): SmugglingCase[] => [
      {
        name: `extension ${JSON.stringify(extension)}`,
        bytes: chunk(extension),
        most: 1,
        verdict: 'forwarded',
        body: 'hello',
      },
      {
        name: `extension ${JSON.stringify(extension)} of the last chunk`,
        bytes: last(extension),
        most: 1,
        verdict: 'forwarded',
        body: 'hello',
      },
    ]),
  ];
}

/** Chunks that are longer or shorter than they say, and what stands where their CRLF should. */
function ends(): SmugglingCase[] {
  // Not `0`: the size would be another.
  const marks = ['', '\n', '\r', '\r\r\n', '\n\r', 'XX', ' \r\n', '\0\r\n', '\r\n\r\n', ';\r\n', '\x85', '\r\0', '\t'];
  const cases: SmugglingCase[] = marks.flatMap((mark): SmugglingCase[] => [
    {
      name: `${JSON.stringify(mark)} behind chunk data`,
      bytes: chunked(`5\r\nhello${mark}0\r\n\r\n${hidden}`),
      most: 1,
      verdict: 'refused',
    },
    {
      name: `${JSON.stringify(mark)} behind a chunk size`,
      bytes: chunked(`5${mark}hello\r\n0\r\n\r\n`),
      most: 1,
      verdict: 'refused',
    },
  ]);
  for (const said of [0, 1, 2, 4, 6, 7, 9, 15]) {
    const bytes = chunked(`${said.toString(16)}\r\nhello\r\n${chunkedHidden}`);
    cases.push({ name: `a chunk of 5 that says ${said}`, bytes, most: 1, verdict: 'refused' });
  }
  return cases;
}
