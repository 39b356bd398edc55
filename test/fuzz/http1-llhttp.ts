import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Message, Reading } from './http1-message.ts';

/** The reference: Node's HTTP server on llhttp in its strict mode, with the checks that are Node's own switched off. */
export function createLlhttpServer(): Server {
  const server = createServer({
    insecureHTTPParser: false,
    requireHostHeader: false,
    maxHeaderSize: 1 << 20,
    keepAliveTimeout: 0,
    requestTimeout: 0,
    headersTimeout: 0,
  });
  server.maxHeadersCount = 0;
  return server;
}

/** Reads a connection as `server`, from its first byte to its end, as fast as it takes it. */
export async function readRequestsByLlhttp(server: Server, bytes: Buffer): Promise<Reading> {
  const wire = new Wire();
  const received: Received[] = [];
  let why = '';
  const onRequest = (incoming: IncomingMessage) => {
    if (incoming.socket === (wire as unknown)) received.push(new Received(incoming));
  };
  const onError = (error: Error, socket: Duplex) => {
    if (socket === wire) why ||= error.message;
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, onRequest);
  server.on('clientError', onError);
  server.emit('connection', wire);
  wire.feed(bytes);
  await settled(wire, received);
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.off(event, onRequest);
  server.off('clientError', onError);
  wire.destroy();
  const messages = received.filter((one) => one.complete).map((one) => one.asRequest());
  if (why === '' && messages.length < received.length) why = 'truncated';
  return { messages, clean: why === '', why };
}

/** Reads a connection as the client of one request, up to the end of its final response. */
export async function readResponsesByLlhttp(bytes: Buffer, method: string): Promise<Reading> {
  const wire = new Wire();
  const interim: Message[] = [];
  const received: Received[] = [];
  let why = '';
  const exchange = request({ method, createConnection: () => wire, maxHeaderSize: 1 << 20 });
  exchange.maxHeadersCount = 0;
  exchange.on('information', (info) => {
    interim.push({ start: `${info.statusCode} ${info.httpVersion}`, headers: info.rawHeaders, body: '' });
  });
  exchange.on('response', (incoming) => {
    received.push(new Received(incoming));
    incoming.on('error', (error) => {
      why ||= error.message;
    });
  });
  exchange.on('error', (error) => {
    why ||= error.message;
  });
  exchange.end();
  await nextTurn();
  wire.feed(bytes);
  await settled(wire, received);
  wire.destroy();
  exchange.destroy();
  const messages = [...interim, ...received.filter((one) => one.complete).map((one) => one.asResponse())];
  if (why === '' && !received.some((one) => one.complete)) why = 'truncated';
  return { messages, clean: why === '', why };
}

class Received {
  readonly #incoming: IncomingMessage;
  readonly #body: Buffer[] = [];

  constructor(incoming: IncomingMessage) {
    this.#incoming = incoming;
    incoming.on('data', (part: Buffer) => this.#body.push(part));
    incoming.on('error', () => {});
  }

  get complete(): boolean {
    return this.#incoming.complete;
  }

  get pending(): boolean {
    return this.#incoming.complete && !this.#incoming.readableEnded && !this.#incoming.destroyed;
  }

  asRequest(): Message {
    const { method, url, httpVersion } = this.#incoming;
    return this.#message(`${method} ${url} ${httpVersion}`);
  }

  asResponse(): Message {
    const { statusCode, httpVersion } = this.#incoming;
    return this.#message(`${statusCode} ${httpVersion}`);
  }

  #message(start: string): Message {
    return { start, headers: this.#incoming.rawHeaders, body: Buffer.concat(this.#body).toString('latin1') };
  }
}

/** The peer's end of a connection in memory: gives the bytes, then the end; what is written to it is lost. */
class Wire extends Duplex {
  constructor() {
    super({ allowHalfOpen: true });
    this.on('error', () => {});
  }

  feed(bytes: Buffer): void {
    if (bytes.length > 0) this.push(Buffer.from(bytes));
    this.push(null);
  }

  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done();
  }

  /** As on a socket: node:http calls these. */
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
}

async function settled(wire: Wire, received: readonly Received[]): Promise<void> {
  for (let turn = 0; turn < 50; turn++) {
    await nextTurn();
    const read = wire.readableEnded || wire.destroyed;
    if (read && turn > 0 && !received.some((one) => one.pending)) return;
  }
}
