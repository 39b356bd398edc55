import { connect, type Socket } from 'node:net';
import {
  formatHeaders,
  type HeaderInit,
  type HttpMessage,
  HttpReader,
  type HttpResponse,
  statusOf,
  toBytes,
} from './http-message.ts';
import { within } from './wait-for.ts';

export type RawRequest = {
  readonly method?: string;
  readonly target?: string;
  /** `host` is added unless it is here; `content-length` where there is a body and no framing here. */
  readonly headers?: HeaderInit;
  readonly body?: string | Buffer;
};

export type RawClient = AsyncDisposable & {
  readonly localPort: number;
  /** Writes bytes as they are; strings are latin1. */
  readonly write: (bytes: string | Buffer) => void;
  /** Writes them cut at the given offsets, each piece reaching the kernel before the next is written. */
  readonly writeSplit: (bytes: string | Buffer, offsets: readonly number[]) => Promise<void>;
  /** Writes a well-formed request without waiting for its answer, so calls in a row are pipelined. */
  readonly send: (request?: RawRequest) => void;
  /** The next response, interim ones too; rejects when the connection ends first or after the deadline (10 s). */
  readonly read: (deadlineMs?: number) => Promise<HttpResponse>;
  /** `send` and then `read` until the final response. */
  readonly request: (request?: RawRequest, deadlineMs?: number) => Promise<HttpResponse>;
  /** Everything received so far. */
  readonly received: () => Buffer;
  /** How the connection ended: by a FIN, a reset, or a local error's code. */
  readonly closed: Promise<string>;
  readonly isOpen: () => boolean;
  /** Stops and resumes reading, so that the peer feels backpressure. */
  readonly pause: () => void;
  readonly resume: () => void;
  readonly end: () => void;
  readonly reset: () => void;
};

/** Opens one TCP connection that sends exactly what it is told. Rejects where nobody listens. */
export async function connectRaw(
  port: number,
  { localAddress }: { readonly localAddress?: string } = {},
): Promise<RawClient> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    allowHalfOpen: true,
    ...(localAddress && { localAddress }),
  });
  const connected = Promise.withResolvers<void>();
  socket.once('connect', connected.resolve).once('error', connected.reject);
  await within(`connect to port ${port}`, connected.promise);
  return wrap(socket, port);
}

/** Sends the bytes on a connection of their own and returns all that came back until the peer closed it. */
export async function exchange(port: number, bytes: string | Buffer, deadlineMs?: number): Promise<Buffer> {
  await using client = await connectRaw(port);
  client.write(bytes);
  await within('the peer closes the connection', client.closed, deadlineMs);
  return client.received();
}

/** A request's bytes, well-formed unless the given headers say otherwise. */
export function formatRequest(request: RawRequest, host: string): Buffer {
  const { method = 'GET', target = '/', headers = {}, body = '' } = request;
  const lines = formatHeaders(headers);
  const has = (name: string) => new RegExp(`^${name}:`, 'im').test(lines);
  const bytes = toBytes(body, 'utf8');
  const hostLine = has('host') ? '' : `host: ${host}\r\n`;
  const framed = has('content-length') || has('transfer-encoding') || bytes.length === 0;
  const length = framed ? '' : `content-length: ${bytes.length}\r\n`;
  return Buffer.concat([
    Buffer.from(`${method} ${target} HTTP/1.1\r\n${hostLine}${lines}${length}\r\n`, 'latin1'),
    bytes,
  ]);
}

function wrap(socket: Socket, port: number): RawClient {
  const chunks: Buffer[] = [];
  const responses: HttpResponse[] = [];
  const readers: PromiseWithResolvers<HttpResponse>[] = [];
  const methods: string[] = [];
  const closed = Promise.withResolvers<string>();
  const reader = new HttpReader({ kind: 'response', isBodyless: () => methods[0] === 'HEAD' });
  let ending = 'end';
  let over = false;

  const deliver = (message: HttpMessage) => {
    const response = { ...message, status: statusOf(message) };
    if (response.status >= 200) methods.shift();
    const next = readers.shift();
    if (next === undefined) responses.push(response);
    else next.resolve(response);
  };
  const finish = () => {
    if (over) return;
    over = true;
    const rest = reader.finish();
    if (rest !== undefined) deliver(rest);
    for (const waiting of readers.splice(0))
      waiting.reject(new Error(`the connection ended (${ending}) without a response`));
    closed.resolve(ending);
  };
  socket.on('data', (bytes: Buffer) => {
    chunks.push(bytes);
    reader.push(bytes);
    for (let message = reader.take(); message !== undefined; message = reader.take()) deliver(message);
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    ending = error.code === 'ECONNRESET' ? 'reset' : (error.code ?? error.message);
  });
  socket.once('end', finish).once('close', finish);

  const self: RawClient = {
    localPort: socket.localPort!,
    write: (bytes) => void socket.write(toBytes(bytes)),
    async writeSplit(bytes, offsets) {
      const whole = toBytes(bytes);
      const cuts = [0, ...offsets, whole.length];
      for (const [index, start] of cuts.slice(0, -1).entries()) {
        const { promise, resolve } = Promise.withResolvers<void>();
        socket.write(whole.subarray(start, cuts[index + 1]), () => setImmediate(resolve));
        await promise;
      }
    },
    send(request = {}) {
      methods.push(request.method ?? 'GET');
      socket.write(formatRequest(request, `127.0.0.1:${port}`));
    },
    async read(deadlineMs) {
      const ready = responses.shift();
      if (ready !== undefined) return ready;
      if (over) throw new Error(`the connection ended (${ending}) without a response`);
      const waiting = Promise.withResolvers<HttpResponse>();
      readers.push(waiting);
      return within('a response', waiting.promise, deadlineMs);
    },
    async request(request, deadlineMs) {
      self.send(request);
      for (;;) {
        const response = await self.read(deadlineMs);
        if (response.status >= 200) return response;
      }
    },
    received: () => Buffer.concat(chunks),
    closed: closed.promise,
    isOpen: () => !over,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    async [Symbol.asyncDispose]() {
      socket.destroy();
    },
  };
  return self;
}
