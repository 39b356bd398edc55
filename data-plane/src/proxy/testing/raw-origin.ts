import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { RawPeer } from './raw-peer.ts';

/** An upstream on raw sockets: each connection is played by the test, byte by byte. */
export class RawOrigin {
  readonly connections: RawPeer[] = [];
  readonly #server: Server;
  readonly #arrived: (() => void)[] = [];
  /** Called with each new connection, for origins that answer by themselves. */
  onConnection: (peer: RawPeer) => void = () => undefined;
  #next = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      const peer = new RawPeer(socket);
      this.connections.push(peer);
      this.onConnection(peer);
      this.#arrived.shift()?.();
    });
  }

  static async start(): Promise<RawOrigin> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RawOrigin(server);
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The next connection that no call before has given. */
  async accept(): Promise<RawPeer> {
    const index = this.#next++;
    while (this.connections.length <= index) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#arrived.push(resolve);
      await promise;
    }
    return this.connections[index] as RawPeer;
  }

  /** As `accept`, once the head of its first request has come and was read past. */
  async acceptRequest(): Promise<RawPeer> {
    const peer = await this.accept();
    await peer.takeHead();
    return peer;
  }

  /** Answers every request on every connection, in order, with what `answer` makes of its head and body. */
  answer(answer: (head: string, body: string) => string): void {
    this.onConnection = (peer) => void serve(peer, answer);
  }

  async close(): Promise<void> {
    for (const peer of this.connections) peer.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}

async function serve(peer: RawPeer, answer: (head: string, body: string) => string): Promise<void> {
  while (!peer.closed) {
    await peer.until(() => peer.received.includes('\r\n\r\n') || peer.closed || peer.ending !== 'open', 'request');
    if (peer.closed || peer.ending !== 'open') return;
    const { head, body } = await peer.takeMessage();
    peer.send(answer(head, body));
  }
}
