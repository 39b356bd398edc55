import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { simple } from '../testing/manifests.ts';
import { problemOf } from '../testing/problem-of.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const SCHEMA = {
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string', maxLength: 8 }, tags: { type: 'array', uniqueItems: true } },
  additionalProperties: false,
};
const VALIDATION = { requestSchema: { inline: JSON.stringify(SCHEMA) } };
const FINE = '{"name":"a"}';

const post = (body: string | Buffer, fields = 'Content-Type: application/json\r\n', method = 'POST'): Buffer =>
  Buffer.concat([
    Buffer.from(`${method} / HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`),
    Buffer.from(body),
  ]);

const start = (validation: object = VALIDATION, more: object = {}): Promise<ProxyRig> =>
  ProxyRig.start(simple({ validation, ...more }));

/** What a request is answered with: `ok`, or status, code and detail of the refusal. */
async function outcome(rig: ProxyRig, request: string | Buffer): Promise<string> {
  const client = await rig.connect();
  client.send(request);
  const answer = await client.takeMessage();
  client.destroy();
  if (answer.body === 'ok') return 'ok';
  const { status, code } = problemOf(answer);
  return `${status} ${code} ${(JSON.parse(answer.body) as { detail: string }).detail}`;
}

describe('a body held against a schema', () => {
  test('goes on as it came, with its length, however it was framed and cut', async () => {
    await using rig = await start();
    const seen: string[] = [];
    rig.origin.answer((head, body) => {
      seen.push(`${/content-length: \d+/i.exec(head)?.[0] ?? 'no length'} ${/transfer-encoding/i.test(head)} ${body}`);
      return OK;
    });
    const client = await rig.connect();
    client.send(post(FINE));
    expect((await client.takeMessage()).body).toBe('ok');
    client.send(
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '4\r\n{"na\r\n8;x=y\r\nme":"a"}\r\n0\r\nx-trailer: 1\r\n\r\n',
    );
    expect((await client.takeMessage()).body).toBe('ok');
    for (const byte of post(FINE).toString()) {
      client.send(byte);
      await new Promise(setImmediate);
    }
    expect((await client.takeMessage()).body).toBe('ok');
    expect(seen).toEqual(Array.from({ length: 3 }, () => `Content-Length: 12 false ${FINE}`));
  });

  test.each<[string, string | Buffer, string]>([
    ['the schema refuses', post('{"name":1}'), '422 request_invalid The body does not match: /name must be string.'],
    [
      'has a member too many',
      post('{"name":"a","x":1}'),
      '422 request_invalid The body does not match: it must NOT have additional properties: x.',
    ],
    ['is no JSON', post('{"name":"a"'), '400 request_invalid The body is not JSON.'],
    ['is empty', post(''), '400 request_invalid A body is required.'],
    ['has one name twice', post('{"name":1,"name":"a"}'), '400 request_invalid The body has two members of one name.'],
    [
      'has one name twice, spelled in two ways',
      post('{"name":1,"n\\u0061me":"a"}'),
      '400 request_invalid The body has two members of one name.',
    ],
    ['names __proto__', post('{"__proto__":{"name":"a"}}'), '400 request_invalid The body has a member __proto__.'],
    ['begins with a byte order mark', post(`\ufeff${FINE}`), '400 request_invalid The body is not JSON.'],
    ['is in UTF-16', post(Buffer.from(FINE, 'utf16le')), '400 request_invalid The body is not JSON.'],
    [
      'is no UTF-8',
      post(Buffer.from('7b226e616d65223a22c328227d', 'hex')),
      '400 request_invalid The body is not UTF-8.',
    ],
    ['nests 65 deep', post('['.repeat(65) + ']'.repeat(65)), '400 request_invalid The body nests too deep.'],
    ['nests 100,000 deep', post('['.repeat(100_000)), '400 request_invalid The body nests too deep.'],
    ['is a number beyond numbers', post('1e999999'), '422 request_invalid The body does not match: it must be object.'],
    ['has two values', post(`${FINE}${FINE}`), '400 request_invalid The body is not JSON.'],
    [
      'is of another type',
      post(FINE, 'Content-Type: text/plain\r\n'),
      '400 request_invalid The content type text/plain is not accepted here.',
    ],
    ['is of no type', post(FINE, ''), '400 request_invalid A Content-Type is required.'],
    [
      'is of two types',
      post(FINE, 'Content-Type: application/json\r\nContent-Type: text/plain\r\n'),
      '400 request_invalid The Content-Type is malformed.',
    ],
    [
      'is in another charset by its type',
      post(FINE, 'Content-Type: application/json; charset=utf-7\r\n'),
      '400 request_invalid The body must be in UTF-8.',
    ],
    [
      'is in an unknown encoding',
      post(FINE, 'Content-Type: application/json\r\nContent-Encoding: zz\r\n'),
      '400 request_invalid The body cannot be decoded: unknown encoding.',
    ],
    [
      'is not in its encoding',
      post(FINE, 'Content-Type: application/json\r\nContent-Encoding: gzip\r\n'),
      '400 request_invalid The body cannot be decoded: malformed.',
    ],
  ])('is refused where it %s', async (_, request, expected) => {
    await using rig = await start();
    rig.origin.answer(() => OK);
    expect(await outcome(rig, request)).toBe(expected);
    expect(rig.origin.connections).toHaveLength(0);
  });

  test('nests 64 deep, and has the types that are accepted', async () => {
    await using rig = await start({ requestSchema: { inline: 'true' }, contentTypes: ['application/vnd.a+json'] });
    rig.origin.answer(() => OK);
    const type = 'Content-Type: application/VND.A+json;charset="UTF-8"\r\n';
    expect(await outcome(rig, post('['.repeat(64) + ']'.repeat(64), type))).toBe('ok');
    expect(await outcome(rig, post('[]'))).toContain('400 request_invalid');
  });

  test('is taken by methods without content, and required of those with', async () => {
    await using rig = await start();
    rig.origin.answer(() => OK);
    expect(await outcome(rig, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('ok');
    expect(await outcome(rig, 'PATCH / HTTP/1.1\r\nHost: a\r\n\r\n')).toContain('400 request_invalid');
    expect(await outcome(rig, post('{}', undefined, 'GET'))).toContain('422 request_invalid');
  });

  test('is held up to its bound, whether its length is announced or not', async () => {
    const largest = `{"name":"a"${' '.repeat(4096 - 12)}}`;
    await using rig = await start({ ...VALIDATION, maxBytes: '4KiB' });
    rig.origin.answer(() => OK);
    const chunked = (body: string) =>
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n' +
      `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    for (const frame of [post, chunked]) {
      expect(await outcome(rig, frame(largest))).toBe('ok');
      expect(await outcome(rig, frame(`${largest} `))).toMatch(/^413 body_too_large/);
    }
  });

  test('that is compressed is decided about as what it says, and goes on as that', async () => {
    await using rig = await start({ ...VALIDATION, maxBytes: '4KiB' });
    const heads: string[] = [];
    rig.origin.answer((head, body) => {
      heads.push(`${/content-encoding/i.test(head)} ${body}`);
      return OK;
    });
    const fields = 'Content-Type: application/json\r\nContent-Encoding: gzip\r\n';
    expect(await outcome(rig, post(gzipSync(FINE), fields))).toBe('ok');
    expect(heads).toEqual([`false ${FINE}`]);
    expect(await outcome(rig, post(gzipSync('{}'), fields))).toContain('422 request_invalid');
    const bomb = gzipSync(Buffer.alloc(1024 * 1024, ' '));
    expect(await outcome(rig, post(bomb, fields))).toMatch(/^413 body_too_large/);
  });

  test('is asked for where the client waits for that', async () => {
    await using rig = await start();
    rig.origin.answer(() => OK);
    const client = await rig.connect();
    const head = post(FINE, 'Content-Type: application/json\r\nExpect: 100-continue\r\n').toString().slice(0, -12);
    client.send(head);
    expect(await client.takeHead()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.send(FINE);
    expect((await client.takeMessage()).body).toBe('ok');
  });

  test('must come in time', async () => {
    await using rig = await start(VALIDATION, { timeout: '200ms' });
    expect(await outcome(rig, post(FINE).subarray(0, -1))).toMatch(/^408 request_timeout/);
  });

  test('of a client that leaves is let go, and the next one on a connection is decided anew', async () => {
    await using rig = await start();
    rig.origin.answer(() => OK);
    const gone = await rig.connect();
    gone.send(post(FINE).subarray(0, -1));
    gone.reset();
    const client = await rig.connect();
    client.send(Buffer.concat([post('{}'), post(FINE), post('[]'), post(FINE)]));
    const statuses: string[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await client.takeMessage()).head.slice(9, 12));
    expect(statuses).toEqual(['422', '200', '422', '200']);
  });

  test('with 70,000 items, all different, is decided as fast as it is read', async () => {
    await using rig = await start();
    rig.origin.answer(() => OK);
    const tags = Array.from({ length: 70_000 }, (_, i) => `{"i":${i}}`);
    const since = performance.now();
    expect(await outcome(rig, post(`{"name":"a","tags":[${tags.join()}]}`))).toBe('ok');
    // Comparing each with each takes minutes.
    expect(performance.now() - since).toBeLessThan(5_000);
  });
});

describe('content types without a schema', () => {
  test('are all that is looked at', async () => {
    await using rig = await start({ contentTypes: ['image/*', 'text/plain'] });
    rig.origin.answer(() => OK);
    expect(await outcome(rig, post('x', 'Content-Type: image/png\r\n'))).toBe('ok');
    expect(await outcome(rig, post('x', 'Content-Type: Text/Plain; charset=latin1\r\n'))).toBe('ok');
    expect(await outcome(rig, post('x', 'Content-Type: imagex/png\r\n'))).toContain('400 request_invalid');
    expect(await outcome(rig, post('', ''))).toBe('ok');
  });
});
