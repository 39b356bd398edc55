import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createExposition } from '../shared/index.ts';
import { REHEARSED_BODIES_BYTES } from './body/whole-body.ts';
import { manifestsOf, route, service } from './testing/manifests.ts';
import { ProxyRig } from './testing/proxy-rig.ts';
import { rehearsedRefusals } from './testing/rehearsed-refusals.ts';

const SCHEMA = { type: 'object', required: ['name'], properties: { name: { type: 'string' } } };
const VALIDATION = { requestSchema: { inline: JSON.stringify(SCHEMA) } };
const FINE = '{"name":"a"}';
const WRONG = '{"name":1}';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const JSON_TYPE = 'Content-Type: application/json\r\n';

const policy = (name: string, spec: object) => ({ kind: 'Policy', name, spec });
const dry = (validation: object = VALIDATION) => policy('p', { mode: 'dryRun', validation });
const policies = (...all: readonly ReturnType<typeof policy>[]): string =>
  manifestsOf(service(), ...all, route({ policies: all.map(({ name }) => name) }));

const post = (body: string | Buffer, fields = JSON_TYPE): Buffer =>
  Buffer.concat([
    Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`),
    Buffer.from(body),
  ]);
const chunked = (body: string, size: number): string => {
  const pieces = body.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
  const chunks = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('');
  return `POST / HTTP/1.1\r\nHost: a\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\nx-trailer: 1\r\n\r\n`;
};

/** Sends a request, and gives what the origin reads as its body, to its last byte `end`. */
async function passed(rig: ProxyRig, request: string | Buffer, end: string): Promise<string> {
  const client = await rig.connect();
  client.send(request);
  const origin = await rig.origin.acceptRequest();
  const body = await origin.take(end);
  // So that the next request comes on another one.
  origin.send(OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  origin.end();
  expect((await client.takeMessage()).body).toBe('ok');
  client.destroy();
  return body;
}

describe('validation in dry run', () => {
  test('lets pass and counts what its schema would refuse, however the body comes, and changes nothing of it', async () => {
    await using rig = await ProxyRig.start(policies(dry()));
    expect(await passed(rig, post(FINE), '}')).toBe(FINE);
    expect(await passed(rig, chunked(FINE, 5), '\r\n\r\n')).toContain('x-trailer: 1\r\n');
    const fields = `${JSON_TYPE}Content-Encoding: gzip\r\n`;
    const zipped = (text: string) => passed(rig, post(gzipSync(text), fields), gzipSync(text).toString('latin1'));
    expect(await zipped(FINE)).toBe(gzipSync(FINE).toString('latin1'));
    expect(rehearsedRefusals(rig)).toEqual([]);
    expect(await passed(rig, post(WRONG), '}')).toBe(WRONG);
    expect(await passed(rig, chunked(WRONG, 5), '\r\n\r\n')).toBe(
      '5\r\n{"nam\r\n5\r\ne":1}\r\n0\r\nx-trailer: 1\r\n\r\n',
    );
    await zipped(WRONG);
    expect(await passed(rig, post('{"name"', fields), '"name"')).toBe('{"name"');
    expect(rehearsedRefusals(rig)).toEqual(['p validation 4']);
  });

  test('counts what it would refuse by the head alone', async () => {
    await using rig = await ProxyRig.start(policies(dry()));
    expect(await passed(rig, post('<a/>', 'Content-Type: text/xml\r\n'), '/>')).toBe('<a/>');
    expect(await passed(rig, 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n', '')).toBe('');
    expect(await passed(rig, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', '')).toBe('');
    expect(rehearsedRefusals(rig)).toEqual(['p validation 2']);
    rig.apply(policies(dry({ contentTypes: ['text/xml'] })));
    expect(await passed(rig, post('<a/>', 'Content-Type: text/xml\r\n'), '/>')).toBe('<a/>');
    expect(await passed(rig, post(WRONG), '}')).toBe(WRONG);
    expect(rehearsedRefusals(rig)).toEqual(['p validation 3']);
  });

  test('passes on a body that is larger than its bound, announced or not, and counts it', async () => {
    await using rig = await ProxyRig.start(policies(dry({ ...VALIDATION, maxBytes: '4KiB' })));
    const largest = `{"name":"a"${' '.repeat(4096 - 12)}}`;
    const larger = `{"name":"a"${' '.repeat(200_000)}}`;
    expect(await passed(rig, post(largest), '}')).toBe(largest);
    await passed(rig, chunked(largest, 100), '\r\n\r\n');
    expect(rehearsedRefusals(rig)).toEqual([]);
    expect(await passed(rig, post(`${largest} `), '} ')).toBe(`${largest} `);
    expect(rehearsedRefusals(rig)).toEqual(['p validation 1']);
    await passed(rig, chunked(`${largest} `, 100), '\r\n\r\n');
    expect(rehearsedRefusals(rig)).toEqual(['p validation 2']);
    expect(await passed(rig, post(larger), '}')).toBe(larger);
    // One of them is in the trailer.
    expect((await passed(rig, chunked(larger, 1000), '\r\n\r\n')).match(/ /g)).toHaveLength(200_001);
    const bomb = gzipSync(Buffer.alloc(1024 * 1024, ' '));
    await passed(rig, post(bomb, `${JSON_TYPE}Content-Encoding: gzip\r\n`), bomb.toString('latin1'));
    expect(rehearsedRefusals(rig)).toEqual(['p validation 5']);
  });

  test('delays no byte of a body, and decides once the last has come', async () => {
    await using rig = await ProxyRig.start(policies(dry()));
    const client = await rig.connect();
    const request = post(WRONG).toString();
    client.send(request.slice(0, -1));
    const origin = await rig.origin.acceptRequest();
    expect(await origin.takeBytes(WRONG.length - 1)).toBe(WRONG.slice(0, -1));
    expect(rehearsedRefusals(rig)).toEqual([]);
    client.send(request.slice(-1));
    expect(await origin.takeBytes(1)).toBe('}');
    expect(rehearsedRefusals(rig)).toEqual(['p validation 1']);
    origin.send(OK);
    expect((await client.takeMessage()).body).toBe('ok');
  });

  test('decides about a body that its answer overtakes', async () => {
    const answering = policies(dry()).replace('"service":"svc"', '"respond":{"status":200,"text":"ok"}');
    await using rig = await ProxyRig.start(answering);
    const client = await rig.connect();
    const request = post(WRONG).toString();
    client.send(request.slice(0, -1));
    expect((await client.takeMessage()).body).toBe('ok');
    expect(rehearsedRefusals(rig)).toEqual([]);
    client.send(request.slice(-1) + request);
    expect((await client.takeMessage()).body).toBe('ok');
    expect(rehearsedRefusals(rig)).toEqual(['p validation 2']);
  });

  test('says nothing of a body that does not come, nor of one for whose copy there is no room', async () => {
    const roomy = policies(dry({ ...VALIDATION, maxBytes: '16MiB' })).replace(
      '"policies"',
      '"bodyBytes":"32MiB","policies"',
    );
    await using rig = await ProxyRig.start(roomy);
    const gone = await rig.connect();
    const arrived = REHEARSED_BODIES_BYTES - 1;
    gone.send(post(Buffer.alloc(REHEARSED_BODIES_BYTES, ' ')).subarray(0, -1));
    const origin = await rig.origin.acceptRequest();
    await origin.takeBytes(arrived);
    expect(await passed(rig, chunked(WRONG, 5), '\r\n\r\n')).toContain('{"nam');
    gone.reset();
    await origin.takeEnding();
    expect(rehearsedRefusals(rig)).toEqual([]);
    const { shared, directory } = rig;
    const expose = createExposition({ shared, directory, breakers: () => [], families: () => [] });
    expect([...expose()].join('')).toContain('gateway_overflow_total{what="rehearsed_bodies"} 1\n');
    await passed(rig, chunked(WRONG, 5), '\r\n\r\n');
    expect(rehearsedRefusals(rig)).toEqual(['p validation 1']);
  });

  test('decides beside what another policy enforces, about what that lets through', async () => {
    const strict = { ...SCHEMA, properties: { name: { type: 'string', maxLength: 1 } } };
    const tried = dry({ requestSchema: { inline: JSON.stringify(strict) }, maxBytes: '100B' });
    await using rig = await ProxyRig.start(policies(policy('e', { validation: VALIDATION }), tried));
    const answers: string[] = [];
    const client = await rig.connect();
    rig.origin.answer((_, body) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    const ask = async (body: string, fields?: string): Promise<void> => {
      client.send(post(body, fields));
      answers.push((await client.takeMessage()).head.slice(9, 12));
    };
    await ask(FINE);
    await ask(WRONG);
    await ask(FINE, 'Content-Type: text/plain\r\n');
    expect(rehearsedRefusals(rig)).toEqual([]);
    await ask('{"name":"ab"}');
    expect(rehearsedRefusals(rig)).toEqual(['p validation 1']);
    await ask(`{"name":"a"${' '.repeat(100)}}`);
    expect(rehearsedRefusals(rig)).toEqual(['p validation 2']);
    expect(answers).toEqual(['200', '422', '400', '200', '200']);
    // What is set later wins whole.
    rig.apply(policies(tried, policy('e', { validation: VALIDATION })));
    await ask('{"name":"ab"}');
    await ask(WRONG);
    expect(answers.slice(-2)).toEqual(['200', '422']);
    expect(rehearsedRefusals(rig)).toEqual(['p validation 2']);
  });
});
