import { CLOSED, OPEN } from '@sluice/engine';
import { describe, expect, test } from 'vitest';
import { ACTIVE_TUNNELS } from '../../shared/index.ts';
import { eventually, settled } from '../testing/eventually.ts';
import { manifestsOf, route, service, simple } from '../testing/manifests.ts';
import { problemOf } from '../testing/problem-of.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import { requestCounts } from '../testing/request-counts.ts';
import {
  ACCEPT,
  acceptOf,
  frame,
  handshake,
  maskedFrame,
  openTunnel,
  SWITCHING,
  webSockets,
} from '../testing/web-socket.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('a WebSocket handshake', () => {
  test('goes on with its own fields and the gateway’s, and so does its answer', async () => {
    await using rig = await ProxyRig.start(
      webSockets({ responseHeaders: { set: { 'x-edited': 'yes' }, remove: ['server'] } }),
    );
    const client = await rig.connect();
    client.send(
      handshake({ 'Sec-WebSocket-Protocol': 'chat', 'Sec-WebSocket-Extensions': 'permessage-deflate', TE: 'trailers' }),
    );
    const upstream = await rig.origin.accept();
    const asked = await upstream.takeHead();
    expect(
      asked.match(/^(connection|upgrade|sec-websocket-\S+|te): .*$/gim)?.map((line) => line.toLowerCase()),
    ).toEqual([
      'sec-websocket-key: dghlihnhbxbszsbub25jzq==',
      'sec-websocket-version: 13',
      'sec-websocket-protocol: chat',
      'sec-websocket-extensions: permessage-deflate',
      'connection: upgrade',
      'upgrade: websocket',
    ]);
    expect(asked).toMatch(/^x-forwarded-for: /m);
    upstream.send(
      `HTTP/1.1 101 Go\r\nConnection: keep-alive, UPGRADE\r\nUpgrade: WebSocket\r\nServer: s\r\nSec-WebSocket-Accept: ${ACCEPT}\r\nSec-WebSocket-Protocol: chat\r\n\r\n`,
    );
    const answer = await client.takeHead();
    expect(answer).toMatch(/^HTTP\/1.1 101 Go\r\n/);
    expect(answer.match(/^(connection|upgrade|server|sec-websocket-\S+|x-edited|x-request-id): /gim)).toEqual([
      ...['Sec-WebSocket-Accept: ', 'Sec-WebSocket-Protocol: ', 'x-request-id: '],
      ...['connection: ', 'upgrade: ', 'x-edited: '],
    ]);
    client.send(maskedFrame('hello'));
    expect(await upstream.take('hello')).toBe(maskedFrame('hello'));
    upstream.send(frame('world'));
    expect(await client.take('world')).toBe(frame('world'));
    expect(requestCounts(rig)).toEqual([{ route: 'all', service: 'svc', status: '101', count: 1 }]);
  });

  test('goes on a new connection, though an idle one is there', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const first = await rig.connect();
    first.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const used = await rig.origin.acceptRequest();
    used.send(OK);
    await first.takeMessage();
    const { upstream } = await openTunnel(rig);
    expect(upstream).not.toBe(used);
    first.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await used.takeHead();
  });

  test.each([
    ['200 OK', 'Content-Length: 2\r\n\r\nok'],
    ['426 Upgrade Required', 'Upgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nok'],
    ['403 Forbidden', 'Content-Length: 0\r\n\r\n'],
  ])('answered %s is an ordinary answer; neither connection carries another', async (status, rest) => {
    await using rig = await ProxyRig.start(webSockets());
    const client = await rig.connect();
    client.send(`${handshake()}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`);
    const upstream = await rig.origin.acceptRequest();
    upstream.send(`HTTP/1.1 ${status}\r\n${rest}`);
    const { head } = await client.takeMessage();
    expect(head).toContain(`HTTP/1.1 ${status}\r\n`);
    expect(head).toContain('\r\nconnection: close\r\n');
    expect(head).not.toMatch(/upgrade:/i);
    expect(await client.takeEnding()).toBe('end');
    await upstream.takeEnding();
    expect([client.received, upstream.received, rig.origin.connections.length]).toEqual(['', '', 1]);
  });

  test.each([
    ['another accept', `Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: ${acceptOf('x')}\r\n`],
    ['no accept', 'Upgrade: websocket\r\nConnection: upgrade\r\n'],
    ['two accepts', `Upgrade: websocket\r\nConnection: upgrade\r\n${`Sec-WebSocket-Accept: ${ACCEPT}\r\n`.repeat(2)}`],
    ['another protocol', `Upgrade: h2c\r\nConnection: upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n`],
    ['two protocols', `Upgrade: websocket, h2c\r\nConnection: upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n`],
    ['no Upgrade', `Connection: upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n`],
    ['no Connection', `Upgrade: websocket\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n`],
    [
      'content',
      `Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\nContent-Length: 2\r\n`,
    ],
    [
      'chunks',
      `Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\nTransfer-Encoding: chunked\r\n`,
    ],
  ])('answered 101 with %s is 502, and the connection is thrown away', async (_, lines) => {
    await using rig = await ProxyRig.start(webSockets({}, { circuitBreaker: { consecutiveFailures: 1 } }));
    const client = await rig.connect();
    client.send(handshake());
    const upstream = await rig.origin.acceptRequest();
    upstream.send(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\npoison`);
    const answer = await client.takeMessage();
    expect(problemOf(answer)).toEqual({
      status: 502,
      code: 'upstream_protocol_error',
      proxyStatus: 'http_protocol_error',
    });
    expect(await client.takeEnding()).toBe('end');
    await upstream.takeEnding();
    expect(client.received).toBe('');
    const slot = rig.directory.services.slotOf('svc') as number;
    expect(rig.shared.breakers.view(slot, rig.shared.clock.nowMs()).state).toBe(OPEN);
    expect(rig.shared.columns.process.total(ACTIVE_TUNNELS)).toBe(0);
  });

  test('answered 101 as HTTP/1.0 is 502', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const client = await rig.connect();
    client.send(handshake());
    const upstream = await rig.origin.acceptRequest();
    upstream.send(SWITCHING.replace('HTTP/1.1', 'HTTP/1.0'));
    expect(problemOf(await client.takeMessage()).status).toBe(502);
  });

  test.each<[string, Record<string, string | null>, string | undefined, string]>([
    ['version 8', { 'Sec-WebSocket-Version': '8' }, undefined, 'sec-websocket-version: 13'],
    ['no version', { 'Sec-WebSocket-Version': null }, undefined, 'sec-websocket-version: 13'],
    ['versions in a list', { 'Sec-WebSocket-Version': '13, 8' }, undefined, 'sec-websocket-version: 13'],
    ['no key', { 'Sec-WebSocket-Key': null }, undefined, ''],
    ['a key of 15 bytes', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25j' }, undefined, ''],
    ['two keys', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==' }, undefined, ''],
    ['POST', {}, 'POST /ws HTTP/1.1', ''],
    ['HEAD', {}, 'HEAD /ws HTTP/1.1', ''],
    ['a body', { 'Content-Length': '3' }, undefined, ''],
    ['a chunked body', { 'Transfer-Encoding': 'chunked' }, undefined, ''],
  ])('with %s is refused, and nothing reaches the upstream', async (_, fields, requestLine, line) => {
    await using rig = await ProxyRig.start(webSockets());
    const client = await rig.connect();
    client.send(handshake(fields, requestLine));
    const head = await client.takeHead();
    expect(head).toMatch(/^HTTP\/1.1 400 /);
    expect(head).toContain(`\r\n${line}`);
    expect(head).toContain('\r\nconnection: close\r\n');
    await client.takeEnding();
    expect(rig.origin.connections).toEqual([]);
  });
});

describe('an upgrade that is not heard goes on as an ordinary request without Upgrade', () => {
  test.each<[string, boolean, Record<string, string | null>, string | undefined]>([
    ['where the route does not admit WebSockets', false, {}, undefined],
    [
      'to h2c',
      true,
      { Upgrade: 'h2c', Connection: 'Upgrade, HTTP2-Settings', 'HTTP2-Settings': 'AAMAAABkAARAAAAAAAIAAAAA' },
      undefined,
    ],
    ['to a list with h2c', true, { Upgrade: 'websocket, h2c' }, undefined],
    ['to a list with h2c in front', true, { Upgrade: 'h2c,websocket' }, undefined],
    ['to a version of the protocol', true, { Upgrade: 'websocket/13' }, undefined],
    ['to TLS', true, { Upgrade: 'TLS/1.2' }, undefined],
    ['to nothing', true, { Upgrade: '' }, undefined],
    ['that Connection does not name', true, { Connection: 'keep-alive' }, undefined],
    ['in HTTP/1.0', true, {}, 'GET /ws HTTP/1.0'],
  ])('%s', async (_, webSocket, fields, requestLine) => {
    await using rig = await ProxyRig.start(simple({ webSocket }));
    const client = await rig.connect();
    client.send(handshake(fields, requestLine));
    const upstream = await rig.origin.accept();
    const head = await upstream.takeHead();
    expect(head).not.toMatch(/^(upgrade|http2-settings|connection):/im);
    upstream.send(SWITCHING);
    expect(problemOf(await client.takeMessage()).status).toBe(502);
    await upstream.takeEnding();
  });

  test('and its connections carry more', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const client = await rig.connect();
    const asks = handshake({ Upgrade: 'h2c' });
    for (let i = 0; i < 2; i++) {
      client.send(asks);
      const upstream = i === 0 ? await rig.origin.accept() : (rig.origin.connections[0] as typeof client);
      await upstream.takeHead();
      upstream.send(OK);
      expect((await client.takeMessage()).body).toBe('ok');
    }
    expect(rig.origin.connections.length).toBe(1);
  });

  test('twice is refused', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const client = await rig.connect();
    client.send(handshake({ upgrade: 'h2c' }));
    expect(problemOf(await client.takeMessage()).code).toBe('bad_request');
    expect(rig.origin.connections).toEqual([]);
  });
});

describe('every policy comes before the tunnel', () => {
  test.each([
    ['authentication', { auth: { anyOf: [{ apiKey: {} }] } }, 401],
    [
      'limits',
      { rateLimits: [{ name: 'none', by: ['global'], cost: 2, tokenBucket: { requests: 1, per: '1h' } }] },
      429,
    ],
  ])('%s', async (_, spec, status) => {
    await using rig = await ProxyRig.start(webSockets(spec));
    const client = await rig.connect();
    client.send(handshake());
    expect(problemOf(await client.takeMessage()).status).toBe(status);
    expect(rig.origin.connections).toEqual([]);
  });

  test.each([
    ['a request is one of its own, under every policy', 'GET /behind HTTP/1.1\r\nHost: a\r\n\r\n', 401],
    ['a second handshake is one of its own', handshake(), 401],
    ['frames are no request', maskedFrame('x'.repeat(40)), 400],
  ])('behind a handshake that was refused %s, and nothing is a tunnel', async (_, behind, status) => {
    await using rig = await ProxyRig.start(webSockets({ auth: { anyOf: [{ apiKey: {} }] } }));
    const client = await rig.connect();
    client.send(handshake() + behind);
    expect(problemOf(await client.takeMessage()).status).toBe(401);
    expect(problemOf(await client.takeMessage()).status).toBe(status);
    client.send('GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await client.takeEnding();
    expect(rig.origin.connections).toEqual([]);
    expect(rig.shared.columns.process.total(ACTIVE_TUNNELS)).toBe(0);
  });

  test('the breaker; it has its permit back when the tunnel opens', async () => {
    await using rig = await ProxyRig.start(
      webSockets({}, { circuitBreaker: { consecutiveFailures: 1, openFor: '1s', halfOpenRequests: 1 } }),
    );
    const slot = rig.directory.services.slotOf('svc') as number;
    const state = () => rig.shared.breakers.view(slot, rig.shared.clock.nowMs()).state;
    const failing = await rig.connect();
    failing.send(handshake());
    (await rig.origin.accept()).reset();
    expect(problemOf(await failing.takeMessage()).status).toBe(502);
    const openedMs = rig.shared.clock.nowMs();
    const refused = await rig.connect();
    refused.send(handshake());
    expect(problemOf(await refused.takeMessage()).code).toBe('circuit_open');
    await eventually(() => rig.shared.clock.nowMs() > openedMs + 1010, 'the end of the pause');
    await openTunnel(rig);
    expect(state()).toBe(CLOSED);
  });

  test('a disabled service', async () => {
    await using rig = await ProxyRig.start(manifestsOf(service({ enabled: false }), route({ webSocket: true })));
    const client = await rig.connect();
    client.send(handshake());
    expect(problemOf(await client.takeMessage()).code).toBe('service_disabled');
  });
});

describe('bytes that do not wait', () => {
  test('of the client behind its handshake go to the upstream once it has switched, and not before', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const client = await rig.connect();
    client.send(handshake() + maskedFrame('early'));
    const upstream = await rig.origin.acceptRequest();
    client.send(maskedFrame('later'));
    expect(upstream.received).toBe('');
    upstream.send(SWITCHING);
    expect(await upstream.take('later')).toBe(maskedFrame('early') + maskedFrame('later'));
  });

  test('of the client are taken only up to a bound while the upstream has not switched', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const client = await rig.connect();
    client.send(handshake());
    const upstream = await rig.origin.acceptRequest();
    const size = 32 * 1024 * 1024;
    client.send(Buffer.alloc(size, 'x'));
    expect(await settled(() => client.unsent)).toBeGreaterThan(size / 2);
    upstream.send(SWITCHING);
    await upstream.takeBytes(size);
  });

  test('of the upstream behind its head reach the client in order, however much comes', async () => {
    await using rig = await ProxyRig.start(webSockets());
    for (const size of [1, 100, 20_000, 100_000]) {
      const client = await rig.connect();
      client.send(handshake());
      const upstream = await rig.origin.acceptRequest();
      const body = Buffer.alloc(size);
      for (let i = 0; i < size; i++) body[i] = i * 7;
      upstream.send(Buffer.concat([Buffer.from(SWITCHING, 'latin1'), body]));
      expect(await client.takeHead()).toMatch(/^HTTP\/1.1 101 /);
      expect(Buffer.from(await client.takeBytes(size), 'latin1').equals(body)).toBe(true);
    }
  });

  test('both ways, cut at any byte', async () => {
    await using rig = await ProxyRig.start(webSockets());
    const client = await rig.connect();
    const sent = handshake() + maskedFrame('from the client');
    for (const byte of sent) {
      client.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const upstream = await rig.origin.acceptRequest();
    for (const byte of SWITCHING + frame('from the upstream')) {
      upstream.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.takeHead();
    expect(await client.take('upstream')).toBe(frame('from the upstream'));
    expect(await upstream.take('client')).toBe(maskedFrame('from the client'));
  });
});
