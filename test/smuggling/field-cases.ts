import { message, type SmugglingCase } from './case.ts';

/** Fields that say who the client is, what belongs to the connection, and what is to be upgraded or expected. */
export function fieldCases(): SmugglingCase[] {
  return [...identities(), ...connections(), ...expectations(), ...upgrades(), ...many()];
}

const forwarded = (name: string, lines: readonly string[], version = '1.1'): SmugglingCase => {
  return {
    name: `${name} in HTTP/${version}`,
    bytes: message(lines, 'hello', { version }).replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\n'),
    most: 1,
    verdict: 'forwarded',
    body: 'hello',
  };
};

const IDENTITY = [
  ...[
    'X-Consumer',
    'X-Consumer-Id',
    'X-Consumer-Groups',
    'X-Forwarded-For',
    'X-Forwarded-Proto',
    'X-Forwarded-Host',
    'X-Forwarded-Port',
  ],
  ...[
    'X-Forwarded-Prefix',
    'X-Forwarded',
    'Forwarded',
    'X-Real-IP',
    'X-Request-Id',
    'Traceparent',
    'Via',
    'X-Trace-Id',
    'Proxy-Authorization',
    'X-Api-Key',
  ],
];

/** Names that only the gateway may say, in every spelling that some server takes for them. */
function identities(): SmugglingCase[] {
  return IDENTITY.flatMap((name) => {
    const spellings = [
      name,
      name.toUpperCase(),
      name.toLowerCase(),
      name.replaceAll('-', '_'),
      name.replace('-', '_'),
      name.toUpperCase().replaceAll('-', '_'),
    ];
    return [...new Set(spellings)].flatMap((spelled) => [
      forwarded(`${spelled}`, [`${spelled}: admin`]),
      forwarded(`${spelled} twice`, [`${spelled}: admin`, `${spelled}: root`]),
      forwarded(`${spelled} that Connection lists`, [`Connection: ${spelled}`, `${spelled}: admin`]),
      forwarded(`${spelled}`, [`${spelled}: admin`], '1.0'),
    ]);
  });
}

function connections(): SmugglingCase[] {
  const names = [
    ...[
      'X-Consumer',
      'Authorization',
      'X-Forwarded-For',
      'X-Forwarded-Host',
      'X-Request-Id',
      'Traceparent',
      'Via',
      'Host',
      'Content-Length',
    ],
    ...[
      'Transfer-Encoding',
      'Cookie',
      'X-Api-Key',
      'Forwarded',
      'X-Real-IP',
      'close',
      'keep-alive',
      'TE',
      'Upgrade',
      'Expect',
      'Connection',
      'Date',
    ],
    ...[
      'Content-Type',
      'Trailer',
      'Max-Forwards',
      'Proxy-Connection',
      'Keep-Alive',
      'HTTP2-Settings',
      'X-Case-2',
      '*',
      '_',
    ],
  ];
  const odd = [
    '',
    ',',
    ', ,',
    ' close ',
    'close,',
    ',close',
    'CLOSE',
    'Close, Keep-Alive',
    'keep-alive, close',
    'x, y, z',
    '\tclose',
    "close'",
    '!#$%&',
  ];
  const refused = [
    'a b',
    'close;q=1',
    '"close"',
    'close\x0b',
    'a(b)',
    'a=b',
    'a/b',
    'a:b',
    '\xe9',
    'a\0b',
    'a@b',
    Array.from({ length: 33 }, (_, i) => `x-${i}`).join(','),
  ];
  return [
    ...names.flatMap((name) => [
      forwarded(`Connection: ${name}`, [`Connection: ${name}`]),
      forwarded(`Connection: close, ${name}`, [`Connection: close, ${name}`]),
    ]),
    ...names.map((name) => forwarded(`Connection: ${name}`, [`Connection: ${name}`], '1.0')),
    ...odd.map((value) => forwarded(`Connection: ${JSON.stringify(value)}`, [`Connection: ${value}`])),
    ...refused.map((value): SmugglingCase => {
      return {
        name: `Connection: ${JSON.stringify(value.slice(0, 20))}`,
        bytes: message([`Connection: ${value}`]),
        most: 1,
        verdict: 'refused',
      };
    }),
    forwarded('everything of one hop', [
      'Keep-Alive: 5',
      'Proxy-Connection: close',
      'TE: gzip',
      'Proxy-Authenticate: x',
      'Trailer: X',
      'Connection: TE',
    ]),
    forwarded('TE: trailers', ['TE: trailers', 'Connection: TE']),
    forwarded('TE: chunked, trailers;q=0', ['TE: chunked, trailers;q=0', 'Connection: TE']),
  ];
}

function expectations(): SmugglingCase[] {
  const refused = [
    'x',
    '',
    '100',
    'continue',
    '100-continue, x',
    '100-continue;q=1',
    '200-ok',
    '100-continue 100-continue',
    '"100-continue"',
    '100_continue',
    '100-continue\x0b',
  ];
  return [
    ...refused.map((value): SmugglingCase => {
      return {
        name: `Expect: ${JSON.stringify(value)}`,
        bytes: message([`Expect: ${value}`, 'Content-Length: 5'], 'hello'),
        most: 1,
        verdict: 'refused',
      };
    }),
    forwarded('Expect: 100-continue', ['Expect: 100-continue']),
    forwarded('Expect: 100-Continue twice', ['Expect: 100-Continue', 'expect: 100-continue']),
    forwarded('Expect: 100-continue', ['Expect: 100-continue'], '1.0'),
  ];
}

function upgrades(): SmugglingCase[] {
  const protocols = [
    'h2c',
    'websocket',
    'h2',
    'TLS/1.0',
    'HTTP/2.0',
    'WebSocket',
    'x',
    '',
    'h2c, websocket',
    'a b',
    'connect-udp',
    'foo/1',
  ];
  const settings = ['HTTP2-Settings: AAMAAABkAAQAAP__'];
  const socket = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
  return [
    ...protocols.flatMap((protocol) => [
      forwarded(`Upgrade: ${protocol}`, [`Upgrade: ${protocol}`, 'Connection: Upgrade']),
      forwarded(`Upgrade: ${protocol} with settings`, [
        `Upgrade: ${protocol}`,
        'Connection: Upgrade, HTTP2-Settings',
        ...settings,
      ]),
      forwarded(`Upgrade: ${protocol} without Connection`, [`Upgrade: ${protocol}`]),
      forwarded(`Upgrade: ${protocol}`, [`Upgrade: ${protocol}`, 'Connection: Upgrade'], '1.0'),
      {
        name: `Upgrade: ${protocol} and a request behind it`,
        bytes: message(
          [`Upgrade: ${protocol}`, 'Connection: Upgrade', ...socket],
          `GET /c/00000/2 HTTP/1.1\r\nHost: h\r\nX-Case: 00000\r\n\r\n`,
          { method: 'GET' },
        ),
        most: 2,
        verdict: 'forwarded' as const,
      },
    ]),
    {
      name: 'two Upgrades',
      bytes: message(['Upgrade: a', 'Upgrade: b', 'Connection: Upgrade']),
      most: 1,
      verdict: 'refused',
    },
    { name: 'the preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', most: 0, verdict: 'refused' },
    { name: 'a TLS hello', bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', most: 0, verdict: 'refused' },
    {
      name: 'the PROXY protocol',
      bytes: `PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n${message([])}`,
      most: 0,
      verdict: 'refused',
    },
  ];
}

function many(): SmugglingCase[] {
  const lines = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: a`);
  const one = (name: string, extra: readonly string[], verdict: 'refused' | 'forwarded'): SmugglingCase => {
    return { name, bytes: message(extra), most: 1, verdict };
  };
  return [
    one('100 fields', lines(98), 'forwarded'),
    one('101 fields', lines(99), 'refused'),
    one('2,000 fields', lines(2000), 'refused'),
    one('a value of 30,000 bytes', [`X: ${'a'.repeat(30_000)}`], 'forwarded'),
    one('a value of 33,000 bytes', [`X: ${'a'.repeat(33_000)}`], 'refused'),
    one('a name of 33,000 bytes', [`${'a'.repeat(33_000)}: b`], 'refused'),
    one('names of JavaScript', ['__proto__: a', 'constructor: b', 'toString: c', '12345: d'], 'forwarded'),
    one('obs-text', ['X: \xe9\xff\x80'], 'forwarded'),
    one('a tab in a value', ['X: a\tb'], 'forwarded'),
    one('an empty value', ['X:'], 'forwarded'),
    one('a field four times', ['X: a', 'x: b', 'X: a', 'X:'], 'forwarded'),
    ...['a', '-1', '1.0', '0x1', '1,2', '', '9'.repeat(20)].map((value) =>
      one(`Max-Forwards: ${value}`, [`Max-Forwards: ${value}`], 'refused'),
    ),
    one('Max-Forwards: 3', ['Max-Forwards: 3'], 'forwarded'),
  ];
}
