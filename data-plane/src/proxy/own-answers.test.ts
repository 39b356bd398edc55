/** Answers that the configuration gives: redirects and direct responses. */
import { describe, expect, test } from 'vitest';
import { manifestsOf, route, service } from './testing/manifests.ts';
import { problemOf } from './testing/problem-of.ts';
import { ProxyRig } from './testing/proxy-rig.ts';

const PREFIX = { match: [{ path: { prefix: '/old' } }], service: '' };

describe('a redirect', () => {
  test.each([
    ['a host', { host: 'www.example.com' }, '/old/a?q=1', 308, 'http://www.example.com/old/a?q=1'],
    ['a scheme', { scheme: 'https' }, '/old', 308, 'https://api.example.com/old'],
    ['a port', { port: 8443, status: 307 }, '/old', 307, 'http://api.example.com:8443/old'],
    ['a prefix', { path: { replacePrefix: '/new' }, status: 301 }, '/old/a//b?q', 301, '/new/a//b?q'],
    ['no prefix', { path: { replacePrefix: '/' }, status: 302 }, '/old/a', 302, '/a'],
    ['a path', { path: { replace: '/all' }, status: 303 }, '/old/a/b?q=%20', 303, '/all?q=%20'],
    ['no other host by two slashes', { path: { replacePrefix: '/' } }, '/old//evil.example/x', 308, '/evil.example/x'],
  ])('to %s', async (_, redirect, target, status, location) => {
    await using rig = await ProxyRig.start(manifestsOf(service(), route({ ...PREFIX, redirect })));
    const client = await rig.connect();
    client.send(`GET ${target} HTTP/1.1\r\nHost: API.example.com:80\r\n\r\n`);
    const answer = await client.takeMessage();
    expect(answer.head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer.head).toContain(`\r\nlocation: ${location}\r\n`);
    expect(answer.head).toContain('\r\ncontent-length: 0\r\n');
    expect(rig.origin.connections).toHaveLength(0);
  });

  test('keeps the connection, and asks for no credential', async () => {
    const auth = { anyOf: [{ apiKey: {} }] };
    await using rig = await ProxyRig.start(
      manifestsOf(service(), route({ ...PREFIX, auth, redirect: { host: 'www.example.com' } })),
    );
    const client = await rig.connect();
    for (let i = 0; i < 2; i++) {
      client.send('POST /old HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc');
      expect((await client.takeMessage()).head).toContain('location: http://www.example.com/old\r\n');
    }
  });
});

describe('a direct response', () => {
  const RESPOND = { match: [{ path: { prefix: '/' } }], service: '' };

  test('is what the configuration says, with the edits of the route', async () => {
    const respond = { status: 418, json: { ok: [true, 'ü'] }, headers: { 'x-a': '1', 'x-b': '2' } };
    const responseHeaders = { set: { 'x-b': '3' }, remove: ['x-a'] };
    await using rig = await ProxyRig.start(manifestsOf(service(), route({ ...RESPOND, respond, responseHeaders })));
    const client = await rig.connect();
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const { head, body } = await client.takeMessage();
    expect(head).toMatch(/^HTTP\/1\.1 418 /);
    expect(head).toContain('\r\ncontent-type: application/json\r\n');
    expect(head).toContain('\r\nx-b: 3\r\n');
    expect(head).not.toMatch(/x-a:|x-b: 2/);
    expect(Buffer.from(body, 'latin1').toString()).toBe('{"ok":[true,"ü"]}');
  });

  test.each([
    ['HEAD', 200, { text: 'hello' }, 'content-length: 5\r\n'],
    ['GET', 204, {}, 'x-request-id'],
  ])('to %s with status %i has no body', async (method, status, content, line) => {
    await using rig = await ProxyRig.start(
      manifestsOf(service(), route({ ...RESPOND, respond: { status, ...content } })),
    );
    const client = await rig.connect();
    for (let i = 0; i < 2; i++) {
      client.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
      const head = await client.takeHead();
      expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(head).toContain(line);
      if (status === 204) expect(head).not.toContain('content-length');
    }
  });

  test('is given to those who may ask, within their limits', async () => {
    const rateLimits = [{ name: 'l', by: ['service'], tokenBucket: { requests: 1, per: '1h' } }];
    await using rig = await ProxyRig.start(
      manifestsOf(
        service(),
        route({ ...RESPOND, respond: { status: 200, text: 'hello' }, rateLimits }),
        route(
          {
            ...RESPOND,
            match: [{ path: { prefix: '/closed' } }],
            respond: { status: 200 },
            auth: { anyOf: [{ apiKey: {} }] },
          },
          'closed',
        ),
      ),
    );
    const client = await rig.connect();
    client.send('GET /closed HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(problemOf(await client.takeMessage())).toMatchObject({ status: 401 });
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.takeMessage()).body).toBe('hello');
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(problemOf(await client.takeMessage())).toMatchObject({ status: 429, code: 'rate_limited' });
  });
});
