/** Whatever an upstream answers, the client gets a well-formed answer with nothing hidden in it, or a 502, or a reset. */
import { describe, expect, test } from 'vitest';
import { simple } from './testing/manifests.ts';
import { ProxyRig } from './testing/proxy-rig.ts';
import type { RawPeer } from './testing/raw-peer.ts';

/** What an attacker wants the client, or a cache in front of it, to take for an answer of its own. */
const HIDDEN = 'HTTP/1.1 200 OK\r\nX-Hidden: 1\r\nContent-Length: 6\r\n\r\nhidden';

const codes = [...Array(0x22).keys(), 0x28, 0x2c, 0x3a, 0x3b, 0x40, 0x5c, 0x7f, 0x80, 0x85, 0x8a, 0x8d, 0xa0, 0xff];
const marks = [
  '\r\n',
  '\n',
  '\r',
  '\n\n',
  '\r\n\r\n',
  '\r\n ',
  '\r\n\t',
  '\0',
  '\r\n\0',
  '\n\r',
  `\r\n\r\n${HIDDEN}`,
  `\n\n${HIDDEN}`,
];

const places: Readonly<Record<string, (mark: string) => string>> = {
  'before the status line': (m) => `${m}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`,
  'in the version': (m) => `HTTP/1.1${m} 200 OK\r\nContent-Length: 2\r\n\r\nok`,
  'in the status': (m) => `HTTP/1.1 20${m}0 OK\r\nContent-Length: 2\r\n\r\nok`,
  'in the reason': (m) => `HTTP/1.1 200 O${m}K\r\nContent-Length: 2\r\n\r\nok`,
  'in a name': (m) => `HTTP/1.1 200 OK\r\nX-${m}A: b\r\nContent-Length: 2\r\n\r\nok`,
  'before a colon': (m) => `HTTP/1.1 200 OK\r\nX-A${m}: b\r\nContent-Length: 2\r\n\r\nok`,
  'in a value': (m) => `HTTP/1.1 200 OK\r\nX-A: a${m}b\r\nContent-Length: 2\r\n\r\nok`,
  'in Location': (m) => `HTTP/1.1 302 Found\r\nLocation: /a${m}b\r\nContent-Length: 0\r\n\r\n`,
  'in Set-Cookie': (m) => `HTTP/1.1 200 OK\r\nSet-Cookie: a=${m}b\r\nContent-Length: 2\r\n\r\nok`,
  'in a length': (m) => `HTTP/1.1 200 OK\r\nContent-Length: ${m}2\r\n\r\nok`,
  'behind a length': (m) => `HTTP/1.1 200 OK\r\nContent-Length: 2${m}\r\n\r\nok`,
  'behind a coding': (m) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked${m}\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
  'in a chunk size': (m) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${m}2\r\nok\r\n0\r\n\r\n`,
  'in an extension': (m) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a${m}\r\nok\r\n0\r\n\r\n`,
  'behind chunk data': (m) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok${m}\r\n0\r\n\r\n`,
  'for the CR behind chunk data': (m) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok${m}\n0\r\n\r\n`,
  'in a trailer': (m) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: a${m}b\r\n\r\n`,
  'in an interim answer': (m) =>
    `HTTP/1.1 103 Hints\r\nLink: a${m}b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`,
  'behind an answer': (m) => `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${m}${HIDDEN}`,
  'for the body of a 204': (m) => `HTTP/1.1 204 No Content\r\n\r\n${m}${HIDDEN}`,
};

describe.each(Object.keys(places))('hostile bytes %s', (place) => {
  test('never reach the client as something to misread', async () => {
    await using rig = await ProxyRig.start(simple());
    let answer = '';
    rig.origin.onConnection = (peer) =>
      void peer.takeHead().then(
        () => {
          peer.send(answer);
          peer.end();
        },
        () => undefined,
      );
    const wrong: string[] = [];
    for (const mark of [...codes.map((code) => String.fromCharCode(code)), ...marks]) {
      // Behind an interim answer another one is just the final answer.
      if (place === 'in an interim answer' && mark.includes(HIDDEN)) continue;
      answer = places[place]!(mark);
      const client = await rig.connect();
      const text = await ask(client);
      const fault = faultOf(text, client.ending);
      if (fault !== undefined) wrong.push(`${JSON.stringify(mark)}: ${fault} in ${JSON.stringify(text)}`);
    }
    expect(wrong).toEqual([]);
  });
});

/** Asks twice, as a client does that keeps its connection, and gives all that came. */
async function ask(client: RawPeer): Promise<string> {
  client.send('GET /1 HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n');
  client.send('GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await client.takeEnding();
  return client.received;
}

const FIELDS =
  "(?:[!#$%&'*+\\-.^_`|~0-9A-Za-z]+: (?:[\\x21-\\x7e\\x80-\\xff](?:[\\t\\x20-\\x7e\\x80-\\xff]*[\\x21-\\x7e\\x80-\\xff])?)?\\r\\n)*\\r\\n";
const HEAD = new RegExp(`^HTTP/1\\.1 ([1-5]\\d\\d) [\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n(${FIELDS})`);
const END = new RegExp(`^0\\r\\n${FIELDS}`);

/** Reads the answers strictly. A reset may end them anywhere. */
function faultOf(text: string, ending: string): string | undefined {
  let rest = text;
  let finals = 0;
  while (rest !== '') {
    const head = HEAD.exec(rest);
    if (head === null)
      return ending === 'reset' && !rest.includes('\r\n\r\n') ? undefined : 'a head that is not well-formed';
    const [whole, status = '', fields = ''] = head;
    rest = rest.slice(whole.length);
    if (Number(status) < 200) continue;
    finals++;
    if (/^x-hidden:/im.test(fields)) return 'a hidden answer';
    const lengths = [...fields.matchAll(/^(content-length|transfer-encoding): (.*)\r$/gim)];
    if (lengths.length > 1) return 'two framings';
    const [, name = '', value = ''] = lengths[0] ?? [];
    if (status === '204' || status === '304') continue;
    if (name.toLowerCase() === 'content-length') {
      if (!/^\d+$/.test(value)) return 'no length';
      if (rest.length < Number(value)) return ending === 'reset' ? undefined : 'a body cut short without a reset';
      rest = rest.slice(Number(value));
    } else {
      const behind = behindChunks(rest);
      if (behind === undefined) return ending === 'reset' ? undefined : 'a chunked body that is not well-formed';
      rest = behind;
    }
  }
  return finals <= 2 ? undefined : `${finals} answers to two requests`;
}

function behindChunks(text: string): string | undefined {
  let rest = text;
  for (;;) {
    const end = END.exec(rest);
    if (end !== null) return rest.slice(end[0].length);
    const [line = '', digits] = /^([1-9a-f][0-9a-f]*)\r\n/.exec(rest) ?? [];
    if (digits === undefined) return undefined;
    const dataEnd = line.length + Number.parseInt(digits, 16);
    if (rest.slice(dataEnd, dataEnd + 2) !== '\r\n') return undefined;
    rest = rest.slice(dataEnd + 2);
  }
}
