import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { payload } from './payload.ts';

/** How an upstream fails, named in the path of a request: `/fail/KIND`. */
export const failureKinds = [
  'status',
  'resetBeforeHead',
  'resetInHead',
  'resetInBody',
  'shortLength',
  'truncatedChunk',
  'tooSlow',
] as const;
export type FailureKind = (typeof failureKinds)[number];

export type SoakOrigin = AsyncDisposable & { readonly address: string };

/** The length of the answer that a request asks for, and the id that it must carry. */
const ID = 'x-soak-id';
const SIZE = 'x-soak-size';

/**
 * An upstream that keeps nothing of what it got. It answers with the request's id, the hash of the body it received, and as many
 * bytes as it is asked for, which are a function of the id; or fails as the path says.
 */
export async function startSoakOrigin(): Promise<SoakOrigin> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 2_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const received = createHash('sha1');
  for await (const chunk of request) received.update(chunk as Buffer);
  const id = String(request.headers[ID]);
  const body = payload(id, Number(request.headers[SIZE] ?? 0));
  const [, first, second] = request.url!.split('/');
  if (first === 'fail') {
    await fail(second as FailureKind, response, id, body);
    return;
  }
  response.setHeader(ID, id);
  response.setHeader('x-soak-received', received.digest('hex'));
  response.setHeader('x-soak-request-id', String(request.headers['x-request-id']));
  if (second === 'chunked') {
    for (let at = 0; at < body.length; at += 9_000) {
      if (!response.write(body.subarray(at, at + 9_000))) await pause(1);
    }
    response.end();
  } else response.setHeader('content-length', body.length).end(body);
}

async function fail(kind: FailureKind, response: ServerResponse, id: string, body: Buffer): Promise<void> {
  const socket = response.socket!;
  const half = body.toString('latin1', 0, body.length / 2);
  switch (kind) {
    case 'status':
      response.writeHead(503, { [ID]: id }).end('no');
      break;
    case 'resetBeforeHead':
      socket.resetAndDestroy();
      break;
    case 'resetInHead':
      socket.write('HTTP/1.1 200 OK\r\ncontent-le');
      await pause(5);
      socket.resetAndDestroy();
      break;
    case 'resetInBody':
      socket.write(`HTTP/1.1 200 OK\r\n${ID}: ${id}\r\ncontent-length: ${body.length}\r\n\r\n${half}`);
      await pause(5);
      socket.resetAndDestroy();
      break;
    case 'shortLength':
      socket.end(`HTTP/1.1 200 OK\r\n${ID}: ${id}\r\ncontent-length: ${body.length}\r\n\r\n${half}`);
      break;
    case 'truncatedChunk':
      socket.end(`HTTP/1.1 200 OK\r\n${ID}: ${id}\r\ntransfer-encoding: chunked\r\n\r\nffff\r\n${half}`);
      break;
    case 'tooSlow':
      await pause(1_500);
      response.writeHead(200, { [ID]: id }).end();
      break;
    default:
      kind satisfies never;
  }
}
