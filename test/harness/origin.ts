import { createServer, type Server, type Socket } from 'node:net';
import { type Head, type HttpMessage, HttpReader } from './http-message.ts';
import { type OriginReply, sendReply } from './origin-reply.ts';
import { waitFor } from './wait-for.ts';

export type OriginRequest = HttpMessage & {
  readonly method: string;
  readonly target: string;
  /** Number of the connection it came on, from 1 in the order they were accepted. */
  readonly connection: number;
  /** Number of the request on its connection, from 1. */
  readonly onConnection: number;
  /** Aborts when the peer ends the connection before the whole answer was written. */
  readonly aborted: AbortSignal;
};

export type OriginHandler = (request: OriginRequest) => OriginReply | Promise<OriginReply>;

export type Origin = AsyncDisposable & {
  readonly port: number;
  /** `127.0.0.1:PORT`, as an endpoint's address is written. */
  readonly address: string;
  /** Every complete request, and those cut short (`truncated`), in the order they came. */
  readonly requests: OriginRequest[];
  /** Decides each answer; may be replaced at any time. The default answers 200 with the JSON of method and target. */
  reply: OriginHandler;
  /** Called when a head is complete, before the body: what it returns is written at once (`HTTP/1.1 100 Continue\r\n\r\n`). */
  onHead: (head: Head) => string | undefined;
  /** How many connections were accepted so far, and how many are open now. */
  readonly accepted: () => number;
  readonly open: () => number;
  /** All bytes received on a connection (from 1), whatever they were. */
  readonly received: (connection: number) => Buffer;
  readonly waitForRequests: (count: number, deadlineMs?: number) => Promise<OriginRequest[]>;
  /** Ends all connections that carried a request and have none under way, as a keep-alive timeout does. */
  readonly closeIdle: () => void;
  readonly resetAll: () => void;
  /** Refuses connections and resets the open ones, until `start`. */
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
};

type Connection = { readonly socket: Socket; readonly received: Buffer[]; busy: boolean; used: boolean };

/** Starts an upstream on raw sockets that records what it gets byte for byte and answers as it is told. */
export async function startOrigin(reply: OriginHandler = answerJson): Promise<Origin> {
  const requests: OriginRequest[] = [];
  const connections: Connection[] = [];
  const isOpen = ({ socket }: Connection) => !socket.destroyed;
  let server: Server | undefined;
  let port = 0;

  async function start(): Promise<void> {
    server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
    const listening = Promise.withResolvers<void>();
    server.once('error', listening.reject).listen(port, '127.0.0.1', listening.resolve);
    await listening.promise;
    port = (server.address() as { port: number }).port;
  }

  async function stop(): Promise<void> {
    const closed = Promise.withResolvers<void>();
    if (server === undefined) closed.resolve();
    else server.close(() => closed.resolve());
    server = undefined;
    for (const { socket } of connections.filter(isOpen)) socket.resetAndDestroy();
    await closed.promise;
  }

  function accept(socket: Socket): void {
    const connection: Connection = { socket, received: [], busy: false, used: false };
    const number = connections.push(connection);
    const reader = new HttpReader({ kind: 'request' });
    const aborted = new AbortController();
    let onConnection = 0;
    let answering: Promise<boolean> = Promise.resolve(true);
    let lastHead: Head | undefined;
    const record = (message: HttpMessage): OriginRequest => {
      const [method = '', target = ''] = message.startLine.split(' ');
      onConnection += 1;
      connection.used = true;
      const request = { ...message, method, target, connection: number, onConnection, aborted: aborted.signal };
      requests.push(request);
      return request;
    };
    const announceHead = () => {
      if (reader.head === undefined || reader.head === lastHead) return;
      lastHead = reader.head;
      connection.busy = true;
      const early = self.onHead(reader.head);
      if (early !== undefined) socket.write(early, 'latin1');
    };
    const answer = (request: OriginRequest) => {
      answering = answering.then(async (open) => {
        if (!open) return false;
        connection.busy = true;
        const given = await self.reply(request);
        const stillOpen = await sendReply(socket, given, { head: request.method === 'HEAD' });
        connection.busy = !stillOpen || reader.head !== undefined;
        return stillOpen;
      });
    };
    socket.on('data', (bytes: Buffer) => {
      connection.received.push(bytes);
      reader.push(bytes);
      announceHead();
      for (let message = reader.take(); message !== undefined; message = reader.take()) {
        announceHead();
        answer(record(message));
      }
    });
    socket.on('error', () => undefined);
    socket.on('end', () => {
      if (connection.busy) aborted.abort();
      void answering.then(() => socket.end());
    });
    socket.once('close', () => {
      if (connection.busy) aborted.abort();
      const rest = reader.finish();
      if (rest !== undefined) record(rest);
    });
  }

  const self: Origin = {
    get port() {
      return port;
    },
    get address() {
      return `127.0.0.1:${port}`;
    },
    requests,
    reply,
    onHead: () => undefined,
    accepted: () => connections.length,
    open: () => connections.filter(isOpen).length,
    received: (connection) => Buffer.concat(connections[connection - 1]?.received ?? []),
    waitForRequests: (count, deadlineMs = 60_000) =>
      waitFor(`the origin gets ${count} requests`, () => requests.length >= count && requests, { deadlineMs }),
    closeIdle: () => {
      for (const { socket } of connections.filter((one) => isOpen(one) && one.used && !one.busy)) socket.end();
    },
    resetAll: () => {
      for (const { socket } of connections.filter(isOpen)) socket.resetAndDestroy();
    },
    stop,
    start,
    [Symbol.asyncDispose]: stop,
  };
  await start();
  return self;
}

function answerJson({ method, target }: OriginRequest): OriginReply {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ method, target }) };
}
