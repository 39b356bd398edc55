import { FIELDS, hidden, message, type SmugglingCase, TARGET } from './case.ts';

/** Request lines, methods and versions. */
export function requestLineCases(): SmugglingCase[] {
  return [...lines(), ...methods(), ...versions()];
}

function lines(): SmugglingCase[] {
  const texts = [
    ...[
      `GET ${TARGET}`,
      `GET ${TARGET} `,
      'GET',
      '',
      ' ',
      `${TARGET}`,
      `GET ${TARGET} HTTP/1.1 `,
      `GET ${TARGET} HTTP/1.1\t`,
    ],
    ...[
      `GET  ${TARGET} HTTP/1.1`,
      `GET ${TARGET}  HTTP/1.1`,
      `GET\t${TARGET} HTTP/1.1`,
      `GET ${TARGET}\tHTTP/1.1`,
      ` GET ${TARGET} HTTP/1.1`,
    ],
    ...[
      `\tGET ${TARGET} HTTP/1.1`,
      `GET\x0b${TARGET}\x0bHTTP/1.1`,
      `GET\x0c${TARGET}\x0cHTTP/1.1`,
      `GET\r${TARGET}\rHTTP/1.1`,
      `GET\xa0${TARGET} HTTP/1.1`,
    ],
    ...[
      `GET ${TARGET} HTTP/1.1 HTTP/1.1`,
      `GET ${TARGET} HTTP/1.1 x`,
      `GET ${TARGET} x HTTP/1.1`,
      `GET${TARGET} HTTP/1.1`,
      `GET ${TARGET}HTTP/1.1`,
    ],
    ...[
      `GET ${TARGET} HTTP/1.1\r`,
      `GET ${TARGET}\r HTTP/1.1`,
      `GET ${TARGET} HTTP/1.1: x`,
      `Host: h`,
      `HTTP/1.1 200 OK`,
      `\xef\xbb\xbfGET ${TARGET} HTTP/1.1`,
    ],
    ...[
      `GET ${TARGET}\0 HTTP/1.1`,
      `GET\0 ${TARGET} HTTP/1.1`,
      `\0GET ${TARGET} HTTP/1.1`,
      `GET ${TARGET} \0HTTP/1.1`,
      `GET ${TARGET} HTTP/1.1\0`,
    ],
    ...[
      `"GET" ${TARGET} HTTP/1.1`,
      `GET "${TARGET}" HTTP/1.1 x`,
      `GET <${TARGET}> HTTP/1.1 x`,
      `X: y`,
      `: x`,
      `GET ? HTTP/1.1`,
      `GET # HTTP/1.1`,
    ],
  ];
  return texts.map((text) => ({
    name: `request line ${JSON.stringify(text)}`,
    bytes: `${text}\r\n${FIELDS}`,
    most: 1,
    verdict: 'refused',
  }));
}

function methods(): SmugglingCase[] {
  const refused = [
    ...[
      'get',
      'Get',
      'gET',
      'CONNECT',
      'TRACE',
      'TRACK',
      'PRI',
      'DEBUG',
      'FOO',
      'GE',
      'GETS',
      'GET,POST',
      'GET;POST',
      'GET/POST',
      'GE\xc5',
      'GET:',
    ],
    ...[
      '"GET"',
      'G@T',
      'G(T',
      'X'.repeat(33),
      '0',
      '-',
      "'",
      'HTTP/1.1',
      'POSTGET',
      'GET\x0b',
      '\x01GET',
      'RSTP',
      'DESCRIBE',
      'ANNOUNCE',
      'SETUP',
    ],
  ];
  const taken = [
    ...[
      'GET',
      'HEAD',
      'POST',
      'PUT',
      'DELETE',
      'PATCH',
      'OPTIONS',
      'QUERY',
      'ACL',
      'BIND',
      'CHECKOUT',
      'COPY',
      'LINK',
      'LOCK',
      'M-SEARCH',
      'MERGE',
    ],
    ...[
      'MKACTIVITY',
      'MKCALENDAR',
      'MKCOL',
      'MOVE',
      'NOTIFY',
      'PROPFIND',
      'PROPPATCH',
      'PURGE',
      'REBIND',
      'REPORT',
      'SEARCH',
      'SOURCE',
    ],
    ...['SUBSCRIBE', 'UNBIND', 'UNLINK', 'UNLOCK', 'UNSUBSCRIBE'],
  ];
  const both = (method: string, verdict: 'refused' | 'forwarded') =>
    ['1.1', '1.0'].map((version): SmugglingCase => {
      return {
        name: `method ${JSON.stringify(method)} in HTTP/${version}`,
        bytes: message([], '', { method, version }),
        most: 1,
        verdict,
      };
    });
  return [
    ...refused.flatMap((method) => both(method, 'refused')),
    ...taken.flatMap((method) => both(method, 'forwarded')),
  ];
}

function versions(): SmugglingCase[] {
  const refused = [
    ...[
      'HTTP/0.9',
      'HTTP/1.2',
      'HTTP/2.0',
      'HTTP/2',
      'HTTP/3',
      'HTTP/1',
      'HTTP/1.',
      'HTTP/.1',
      'HTTP/1.10',
      'HTTP/1.01',
      'HTTP/01.1',
      'HTTP/11',
    ],
    ...[
      'http/1.1',
      'Http/1.1',
      'HTTP /1.1',
      'HTTP/ 1.1',
      'HTTP/1 .1',
      'HTTP/1.1 ',
      'HTTP\\1.1',
      'HTTP/1,1',
      'HTTP/1:1',
      'HTTP-1.1',
      'HTTPS/1.1',
      'SHTTP/1.1',
    ],
    ...[
      'ICE/1.0',
      'RTSP/1.0',
      'SIP/2.0',
      'HTTP/-1.1',
      'HTTP/+1.1',
      'HTTP/1.+1',
      'HTTP/9.9',
      'HTTP/1.9',
      'HTTP/1.1x',
      'HTTP/1.1;',
      'HTTP/\xb9.1',
      'XHTTP/1.1',
    ],
  ];
  return refused.flatMap((version): SmugglingCase[] => [
    {
      name: `version ${JSON.stringify(version)}`,
      bytes: `GET ${TARGET} ${version}\r\n${FIELDS}`,
      most: 1,
      verdict: 'refused',
    },
    {
      name: `version ${JSON.stringify(version)} with a body`,
      bytes: `POST ${TARGET} ${version}\r\nContent-Length: ${hidden.length}\r\n${FIELDS}${hidden}`,
      most: 1,
      verdict: 'refused',
    },
  ]);
}
