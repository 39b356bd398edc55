import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { manifestsOf, route, service, simple } from '../testing/manifests.ts';
import { problemOf } from '../testing/problem-of.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';

const JSON_TYPE = 'Content-Type: application/json\r\n';
const post = (body: string | Buffer, fields = JSON_TYPE, target = '/'): Buffer =>
  Buffer.concat([
    Buffer.from(`POST ${target} HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`),
    Buffer.from(body),
  ]);
const answer = (body: string | Buffer, fields = JSON_TYPE, status = '200 OK'): string =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status}\r\n${fields}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`),
    Buffer.from(body),
  ]).toString('latin1');
const GET = 'GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nRange: bytes=0-1\r\n\r\n';

describe('a request whose body is edited', () => {
  const EDITS = { requestBody: { rename: { user_data: 'user' }, set: { version: 'v2' }, remove: ['secret'] } };

  test('reaches the service with the edits and their length, however it came', async () => {
    await using rig = await ProxyRig.start(simple(EDITS));
    const heads: string[] = [];
    rig.origin.answer((head, body) => {
      heads.push(head);
      return answer(body, '');
    });
    const client = await rig.connect();
    const body = '{"user_data":{"id":12345678901234567890},"secret":1}';
    const edited = '{"user":{"id":12345678901234567890},"version":"v2"}';
    client.send(post(body, `${JSON_TYPE}Content-Digest: sha-256=:x:\r\n`));
    expect((await client.takeMessage()).body).toBe(edited);
    client.send(
      `POST / HTTP/1.1\r\nHost: a\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n` +
        `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    );
    expect((await client.takeMessage()).body).toBe(edited);
    client.send(post(gzipSync(body), `${JSON_TYPE}Content-Encoding: gzip\r\n`));
    expect((await client.takeMessage()).body).toBe(edited);
    for (const head of heads) {
      expect(head).toContain(`Content-Length: ${edited.length}\r\n`);
      expect(head).not.toMatch(/transfer-encoding|content-encoding|content-digest/i);
    }
  });

  test('is as it came where it is no JSON, or there is none', async () => {
    await using rig = await ProxyRig.start(simple(EDITS));
    rig.origin.answer((head, body) => answer(`${body}${/transfer-encoding/i.test(head)}`, ''));
    const client = await rig.connect();
    client.send(post('{"secret":1}', 'Content-Type: text/plain\r\n'));
    expect((await client.takeMessage()).body).toBe('{"secret":1}false');
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.takeMessage()).body).toBe('false');
  });

  test('is refused where it says to be JSON and is none, or is too large', async () => {
    await using rig = await ProxyRig.start(simple({ requestBody: { ...EDITS.requestBody, maxBytes: '64B' } }));
    rig.origin.answer((_, body) => answer(body, ''));
    const client = await rig.connect();
    for (const [body, code] of [
      ['{', 'request_invalid'],
      ['{"a":1,"a":2}', 'request_invalid'],
      [`{"a":"${'x'.repeat(57)}"}`, 'body_too_large'],
    ] as const) {
      client.send(post(body));
      expect(problemOf(await client.takeMessage())).toMatchObject({ code });
    }
    client.send(post(`{"a":"${'x'.repeat(56)}"}`));
    expect((await client.takeMessage()).body).toContain('"version":"v2"');
  });

  test('has parameters of the path in it, decoded', async () => {
    const edits = { requestBody: { set: { action: '{action}' } }, match: [{ path: { template: '/do/{action}' } }] };
    await using rig = await ProxyRig.start(manifestsOf(service(), route(edits)));
    rig.origin.answer((_, body) => answer(Buffer.from(body, 'latin1'), ''));
    const client = await rig.connect();
    client.send(post('{}', JSON_TYPE, '/do/%22J%C3%B6rg%22'));
    expect((await client.takeMessage()).body).toBe(Buffer.from('{"action":"\\"Jörg\\""}').toString('latin1'));
    client.send(post('{}', JSON_TYPE, '/do/%ff'));
    expect(problemOf(await client.takeMessage())).toMatchObject({ code: 'bad_request' });
  });

  test('is sent again with its edits where the service failed', async () => {
    const retry = { attempts: 1, on: ['503'], methods: ['POST'], backoff: { base: '1ms' } };
    await using rig = await ProxyRig.start(simple({ ...EDITS, retry }));
    const bodies: string[] = [];
    rig.origin.answer((_, body) => {
      bodies.push(body);
      return bodies.length === 1 ? answer('', '', '503 Later') : answer('ok', '');
    });
    const client = await rig.connect();
    client.send(post('{"secret":1}'));
    expect((await client.takeMessage()).body).toBe('ok');
    expect(bodies).toEqual(['{"version":"v2"}', '{"version":"v2"}']);
  });

  test('is both held against a schema, as it came, and edited', async () => {
    const validation = { requestSchema: { inline: '{"required":["secret"]}' } };
    await using rig = await ProxyRig.start(simple({ ...EDITS, validation }));
    rig.origin.answer((_, body) => answer(body, ''));
    const client = await rig.connect();
    client.send(post('{"secret":1}'));
    expect((await client.takeMessage()).body).toBe('{"version":"v2"}');
    client.send(post('{}'));
    expect((await client.takeMessage()).head).toContain(' 422 ');
  });
});

describe('an answer whose body is edited', () => {
  const EDITS = { responseBody: { set: { via: 'gateway' }, remove: ['password'], maxBytes: '1KiB' } };
  const BODY = '{"password":"x","n":1}';
  const EDITED = '{"n":1,"via":"gateway"}';

  /** The answer that a client gets where the service gives `given`, and then ends its connection where `ends`. */
  async function passed(given: string, { ends = false, request = GET } = {}): Promise<{ head: string; body: string }> {
    await using rig = await ProxyRig.start(simple(EDITS));
    const client = await rig.connect();
    client.send(request);
    const origin = await rig.origin.acceptRequest();
    origin.send(given);
    if (ends) origin.end();
    return await client.takeMessage();
  }

  test.each([
    ['with a length', answer(BODY), false],
    [
      'in chunks',
      `HTTP/1.1 200 OK\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n4\r\n${BODY.slice(0, 4)}\r\n12\r\n${BODY.slice(4)}\r\n0\r\n\r\n`,
      false,
    ],
    ['until the connection ends', `HTTP/1.1 200 OK\r\n${JSON_TYPE}\r\n${BODY}`, true],
    ['in gzip', answer(gzipSync(BODY), `${JSON_TYPE}Content-Encoding: gzip\r\nContent-Digest: x\r\n`), false],
    [
      'in brotli',
      answer(brotliCompressSync(BODY), `${JSON_TYPE}Content-Encoding: br\r\nAccept-Ranges: bytes\r\n`),
      false,
    ],
  ])('%s reaches the client with the edits and their length', async (_, given, ends) => {
    const { head, body } = await passed(given, { ends });
    expect(body).toBe(EDITED);
    expect(head).toContain('HTTP/1.1 200 OK\r\n');
    expect(head).not.toMatch(/transfer-encoding|content-encoding|content-digest|accept-ranges|connection: close/i);
  });

  test('is asked for whole and without an encoding', async () => {
    await using rig = await ProxyRig.start(simple(EDITS));
    const client = await rig.connect();
    client.send(GET);
    const head = await (await rig.origin.accept()).takeHead();
    expect(head).toContain('accept-encoding: identity\r\n');
    expect(head).not.toMatch(/range|gzip/i);
  });

  test('comes in pieces, on connections that are used again on both sides', async () => {
    await using rig = await ProxyRig.start(simple(EDITS));
    const client = await rig.connect();
    client.send(GET);
    const origin = await rig.origin.accept();
    for (let i = 0; i < 3; i++) {
      if (i > 0) client.send(GET);
      await origin.takeHead();
      for (const byte of answer(BODY)) {
        origin.send(byte);
        await new Promise(setImmediate);
      }
      expect((await client.takeMessage()).body).toBe(EDITED);
    }
    expect(rig.origin.connections).toHaveLength(1);
  });

  test('is as it came where it is no JSON', async () => {
    expect(await passed(answer('{"password":1}', 'Content-Type: text/plain\r\n'))).toMatchObject({
      body: '{"password":1}',
    });
  });

  test('has no length where there is no body to count', async () => {
    await using rig = await ProxyRig.start(simple(EDITS));
    const client = await rig.connect();
    client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
    const origin = await rig.origin.acceptRequest();
    origin.send(`HTTP/1.1 200 OK\r\n${JSON_TYPE}Content-Length: 20\r\n\r\n`);
    expect(await client.takeHead()).not.toMatch(/content-length/i);
  });

  test.each([
    ['is no JSON', answer('{"password":')],
    ['has one name twice', answer('{"password":1,"password":2}')],
    ['is too large', answer(`{"a":"${'x'.repeat(1_100)}"}`)],
    ['becomes too large', answer(gzipSync(`{"a":"${'x'.repeat(100_000)}"}`), `${JSON_TYPE}Content-Encoding: gzip\r\n`)],
    ['is in an unknown encoding', answer(BODY, `${JSON_TYPE}Content-Encoding: zz\r\n`)],
    ['is a part', answer(BODY, JSON_TYPE, '206 Partial Content')],
  ])('is not passed on where it %s', async (_, given) => {
    const answered = await passed(given);
    expect(problemOf(answered)).toMatchObject({ status: 502, code: 'upstream_protocol_error' });
    expect(answered.body).not.toContain('password');
  });

  test('is not passed on where it breaks off', async () => {
    const given = `HTTP/1.1 200 OK\r\n${JSON_TYPE}Content-Length: 100\r\n\r\n${BODY}`;
    expect(problemOf(await passed(given, { ends: true }))).toMatchObject({ status: 502, code: 'upstream_reset' });
  });

  test('of a service that stops in the middle ends in time', async () => {
    await using rig = await ProxyRig.start(simple({ ...EDITS, streamIdleTimeout: '100ms' }));
    const client = await rig.connect();
    client.send(GET);
    const origin = await rig.origin.acceptRequest();
    origin.send(answer(BODY).slice(0, -1));
    expect(problemOf(await client.takeMessage())).toMatchObject({ status: 504, code: 'upstream_timeout' });
  });

  test('to a client that leaves holds nothing', async () => {
    await using rig = await ProxyRig.start(simple(EDITS));
    const client = await rig.connect();
    client.send(GET);
    const origin = await rig.origin.acceptRequest();
    origin.send(answer(BODY).slice(0, -1));
    client.reset();
    expect(await origin.takeEnding()).not.toBe('open');
    const next = await rig.connect();
    next.send(GET);
    const again = await rig.origin.acceptRequest();
    again.send(answer(BODY));
    expect((await next.takeMessage()).body).toBe(EDITED);
  });
});
