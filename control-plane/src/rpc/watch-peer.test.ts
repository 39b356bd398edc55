import { once } from 'node:events';
import type { ServerHttp2Session } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type HttpRequest, openPort, type Port } from './one-port.ts';

const limits = { maxConnections: 10, maxHeadBytes: 16_384, maxStreams: 10, idleMs: 60_000, pingIntervalMs: 20 };

/** More than the kernel takes in for a connection whose peer does not read. */
const largeAnswer = Buffer.alloc(32 << 20);

/** Opens a connection whose windows take in any answer, and asks for one (RFC 9113 sections 3.4, 6.5.2, 6.9; RFC 7541 appendix A). */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const settings = Buffer.from('00000604000000000000047fffffff', 'hex');
const windowUpdate = Buffer.from('0000040800000000007fff0000', 'hex');
const getRequest = Buffer.from('000006010500000001828684410161', 'hex');

let port: Port;
let peer: Socket;
let session: ServerHttp2Session;

beforeEach(async () => {
  const asked = Promise.withResolvers<HttpRequest>();
  port = await openPort({ host: '127.0.0.1', port: 0 }, limits);
  port.serve((request, response) => {
    response.end(largeAnswer);
    asked.resolve(request);
  });
  peer = connect(port.address.port, '127.0.0.1').pause();
  peer.on('error', () => peer.destroy());
  peer.write(Buffer.concat([preface, settings, windowUpdate, getRequest]));
  const request = await asked.promise;
  if (!('stream' in request)) throw new Error('asked by HTTP/1.1');
  session = request.stream.session as ServerHttp2Session;
});

afterEach(async () => {
  peer.destroy();
  await port.close(0);
});

it('drops the connection of a peer that does not read, however much waits to be sent', async () => {
  await once(session, 'close');
  expect(session.destroyed).toBe(true);
});

it('drops the connection of a destroyed session that still waits for its peer to read, and does not ping it', async () => {
  session.destroy();
  await once(session, 'close');
  expect(session.destroyed).toBe(true);
});
