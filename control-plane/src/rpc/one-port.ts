import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Code, ConnectError } from '@connectrpc/connect';
import type { ListenAddress } from '../settings.ts';
import { watchPeer } from './watch-peer.ts';

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;
export type RequestHandler = (request: HttpRequest, response: HttpResponse) => void;

/** Bounds of what a peer may send and hold before any call is looked at. */
export interface PortLimits {
  /** Open connections; more are closed at once. */
  readonly maxConnections: number;
  /** Of one request's head, in bytes. */
  readonly maxHeadBytes: number;
  /** Concurrent calls on one HTTP/2 connection. */
  readonly maxStreams: number;
  /** A connection has this long to send its first bytes, and an idle HTTP/1.1 one to send the next request. */
  readonly idleMs: number;
  /** Between pings on HTTP/2 connections. A peer that misses two is gone. */
  readonly pingIntervalMs: number;
}

export interface Port {
  /** Where it listens; the port is the real one. */
  readonly address: ListenAddress;
  /** Answers with `handler` from now on. Until then connections wait. */
  serve(handler: RequestHandler): void;
  /** No new connections; HTTP/2 peers get GOAWAY; resolves when the calls are over, or after `graceMs` cuts them. */
  close(graceMs: number): Promise<void>;
}

/**
 * Listens for HTTP/1.1 and cleartext HTTP/2 on one port: a connection that begins with HTTP/2's preface (RFC 9113 section 3.4)
 * is HTTP/2. Rejects with the system's error when the address cannot be had.
 */
export async function openPort(listen: ListenAddress, limits: PortLimits): Promise<Port> {
  let answer: RequestHandler | undefined;
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();

  const http1 = createHttp1Server({
    maxHeaderSize: limits.maxHeadBytes,
    keepAliveTimeout: limits.idleMs,
    headersTimeout: limits.idleMs,
    connectionsCheckingInterval: Math.min(1000, limits.idleMs),
  }).on('request', (request, response) => answer!(request, response));
  const http2 = createHttp2Server({
    maxSessionMemory: 64,
    settings: { maxConcurrentStreams: limits.maxStreams, maxHeaderListSize: limits.maxHeadBytes },
  })
    .on('request', (request, response) => {
      // A peer that resets its stream while an answer waits for 'drain' would leave the answer waiting for good.
      response.stream.once('close', () => {
        if (response.listenerCount('drain') > 0) response.emit('error', new ConnectError('peer closed', Code.Aborted));
      });
      answer!(request, response);
    })
    .on('checkContinue', (request, response) => {
      // Of a stream that its peer has reset already node:http2 would throw, where nobody can catch it.
      if (response.stream.destroyed) return;
      response.writeContinue();
      http2.emit('request', request, response);
    })
    .on('session', (session) => {
      sessions.add(session);
      session.once('close', () => sessions.delete(session));
      session.on('error', () => session.destroy());
    });

  // What listen() would do: begin to look for requests whose heads take too long.
  http1.emit('listening');

  const route = (socket: Socket) => {
    const give = () => {
      const first: Buffer | null = socket.read();
      if (first === null) return;
      socket.off('readable', give);
      socket.setTimeout(0);
      socket.removeListener('timeout', socket.destroy);
      socket.unshift(first);
      if (first.subarray(0, 3).toString('latin1') !== 'PRI') {
        http1.emit('connection', socket);
        return;
      }
      http2.once('session', (session) => watchPeer(session, socket, limits.pingIntervalMs));
      http2.emit('connection', socket);
    };
    socket.setTimeout(limits.idleMs).once('timeout', socket.destroy);
    socket.on('readable', give);
  };

  const waiting: Socket[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setNoDelay();
    if (answer === undefined) waiting.push(socket);
    else route(socket);
  });
  server.maxConnections = limits.maxConnections;
  await bind(server, listen);

  return {
    address: { host: listen.host, port: (server.address() as AddressInfo).port },
    serve(handler) {
      answer = handler;
      for (const socket of waiting.splice(0)) route(socket);
    },
    async close(graceMs) {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      http1.closeIdleConnections();
      for (const session of sessions) session.close();
      for (const socket of waiting.splice(0)) socket.destroy();
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await closed.promise;
      clearTimeout(cut);
      http1.close();
      http2.close();
    },
  };
}

function bind(server: Server, { host, port }: ListenAddress): Promise<void> {
  const bound = Promise.withResolvers<void>();
  server.once('error', bound.reject).listen({ host, port }, () => {
    server.off('error', bound.reject);
    bound.resolve();
  });
  return bound.promise;
}
