import type { Socket } from 'node:net';

const DEADLINE_MS = 30_000;

/** How the other end closed its side. */
export type Ending = 'open' | 'end' | 'reset';

/** One end of a TCP connection that sends exactly what a test says and keeps every byte that comes, as latin1. */
export class RawPeer {
  ending: Ending = 'open';
  readonly #socket: Socket;
  /** Joined only when looked at, so that much can come in small pieces. */
  #pieces: string[] = [];
  #length = 0;
  readonly #waiting = new Set<() => void>();

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#pieces.push(chunk.toString('latin1'));
      this.#length += chunk.length;
      this.#changed();
    });
    socket.on('end', () => {
      this.ending = 'end';
      this.#changed();
    });
    socket.on('error', () => {
      this.ending = 'reset';
      this.#changed();
    });
    socket.on('close', () => this.#changed());
  }

  /** All that has come and was not yet taken. */
  get received(): string {
    if (this.#pieces.length > 1) this.#pieces = [this.#pieces.join('')];
    return this.#pieces[0] ?? '';
  }

  set received(text: string) {
    this.#pieces = [text];
    this.#length = text.length;
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  /** Bytes given to `send` that the kernel has not taken yet. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  send(bytes: string | Buffer): void {
    if (typeof bytes === 'string') this.#socket.write(bytes, 'latin1');
    else this.#socket.write(bytes);
  }

  /** Waits for all of `text`, and takes what has come up to its end. */
  async take(text: string): Promise<string> {
    await this.until(() => this.received.includes(text), `"${text.trim()}"`);
    const end = this.received.indexOf(text) + text.length;
    const taken = this.received.slice(0, end);
    this.received = this.received.slice(end);
    return taken;
  }

  async takeBytes(count: number): Promise<string> {
    await this.until(() => this.#length >= count, `${count} bytes`);
    const taken = this.received.slice(0, count);
    this.received = this.received.slice(count);
    return taken;
  }

  /** Takes a head with its empty line. */
  takeHead(): Promise<string> {
    return this.take('\r\n\r\n');
  }

  /** Takes a head and the body its Content-Length announces. */
  async takeMessage(): Promise<{ head: string; body: string }> {
    const head = await this.takeHead();
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head);
    return { head, body: length === null ? '' : await this.takeBytes(Number(length[1])) };
  }

  /** Waits until the other end has closed, and says how. */
  async takeEnding(): Promise<Ending> {
    await this.until(() => this.ending !== 'open', 'the end of the connection');
    return this.ending;
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    const late = Date.now() + DEADLINE_MS;
    while (!holds()) {
      const leftMs = late - Date.now();
      if (leftMs <= 0) throw new Error(`no ${what} in time; received ${JSON.stringify(this.received.slice(0, 2000))}`);
      await this.#change(leftMs);
    }
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #change(withinMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = () => {
      clearTimeout(timer);
      this.#waiting.delete(done);
      resolve();
    };
    const timer = setTimeout(done, withinMs);
    this.#waiting.add(done);
    return promise;
  }

  #changed(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
