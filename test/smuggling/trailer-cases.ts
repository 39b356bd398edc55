import { chunked, hello, message, type SmugglingCase } from './case.ts';

/** What stands behind the last chunk. */
export function trailerCases(): SmugglingCase[] {
  const refused = [
    ...[
      'Content-Length: 5',
      'content-length: 5',
      'Transfer-Encoding: chunked',
      'Host: evil',
      'host:',
      'Content-Length : 5',
      'X: a\r\n b',
    ],
    ...[
      'X',
      ': a',
      ' X: a',
      'X : a',
      'X: \0',
      'X: a\rb',
      'X\0: a',
      'X: a\x7f',
      `GET /h/00000 HTTP/1.1`,
      'X: a\n',
      '\nX: a',
      '\rX: a',
    ],
    ...[
      `X: ${'a'.repeat(9000)}`,
      Array.from({ length: 33 }, (_, i) => `X-${i}: a`).join('\r\n'),
      'X(: a',
      'X\xe9: a',
      '0',
      '5\r\nhello',
    ],
  ];
  const kept = [
    ...[
      'X-T: a',
      'Content-Digest: a',
      'X-T: a\r\nX-U: b',
      'x_t: a',
      'Authorization: Basic x',
      'Cookie: a=b',
      'X-Consumer: admin',
      'Connection: close',
    ],
    ...[
      'X-Forwarded-For: 1.1.1.1',
      'Content_Length: 5',
      'Transfer_Encoding: chunked',
      'TE: trailers',
      'Trailer: X',
      'Expect: 100-continue',
    ],
    ...[
      'Content-Type: text/html',
      'Content-Encoding: gzip',
      'Content-Range: bytes 0-1/2',
      'Set-Cookie: a=b',
      'Cache-Control: no-store',
      'Upgrade: h2c',
    ],
    ...[
      'Max-Forwards: 0',
      'Proxy-Authorization: x',
      'X-Request-Id: x',
      'Traceparent: x',
      'Forwarded: for=x',
      'Via: 1.1 x',
      'Range: bytes=0-1',
      'If-Match: *',
    ],
  ];
  return [
    ...refused.map((line): SmugglingCase => {
      return {
        name: `trailer ${JSON.stringify(line.slice(0, 40))}`,
        bytes: chunked(`5\r\nhello\r\n0\r\n${line}\r\n\r\n`),
        most: 1,
        verdict: 'refused',
      };
    }),
    ...kept.flatMap((line): SmugglingCase[] => [
      {
        name: `trailer ${line}`,
        bytes: chunked(`5\r\nhello\r\n0\r\n${line}\r\n\r\n`),
        most: 1,
        verdict: 'forwarded',
        body: 'hello',
      },
      {
        name: `announced trailer ${line}`,
        bytes: message(
          [`Trailer: ${line.split(':')[0]}`, 'Transfer-Encoding: chunked'],
          `${hello.slice(0, -2)}${line}\r\n\r\n`,
        ),
        most: 1,
        verdict: 'forwarded',
        body: 'hello',
      },
    ]),
  ];
}
