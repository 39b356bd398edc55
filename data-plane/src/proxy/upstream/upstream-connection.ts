import { connect, type Socket } from 'node:net';
import type { EndpointPlan } from '@sluice/engine';
import { ResponseHeadReader } from '../../http1/index.ts';
import { ReadBuffer } from '../downstream/read-buffer.ts';
import { SocketWriter } from '../downstream/socket-writer.ts';
import { type TimerOwner, type TimerWheel, WheelTimer } from '../timer-wheel.ts';
import { TunnelEnd } from '../tunnel/tunnel-end.ts';

/** The exchange that has a connection for itself from request to response. */
export interface UpstreamUser {
  /** `chunk` is valid during the call only. */
  onUpstreamChunk(chunk: Buffer): void;
  /** What was written before has left: more may be written. */
  onUpstreamDrain(): void;
  /** The upstream sends no more but may still read. Absent: that ends the connection. */
  onUpstreamEnd?(): void;
  /** The connection has ended, `error` unset: in order. The user has it no longer. */
  onUpstreamClosed(connection: UpstreamConnection, error: Error | undefined): void;
}

/** Who keeps the connection while no exchange has it. */
export interface ConnectionKeeper {
  /** An exchange was completed on it: nothing of it is still to come or to be sent. */
  giveBack(connection: UpstreamConnection, nowMs: number): void;
  onConnectionClosed(connection: UpstreamConnection): void;
}

/**
 * After so long without a byte the kernel asks the other end whether it is still there, so that one that vanished without a word is
 * found while nobody waits for it.
 */
const KEEP_ALIVE_DELAY_MS = 30_000;

/** The error of a connection that was not made within connectTimeout. */
export class ConnectTimeout extends Error {}

/** One connection to an endpoint. Whoever uses it next finds it without a byte of the exchange before. */
export class UpstreamConnection implements TimerOwner {
  readonly endpoint: EndpointPlan;
  readonly reader = new ResponseHeadReader();
  user: UpstreamUser | null = null;
  /** TCP is established. */
  connected = false;
  /** Exchanges that were completed on it. */
  completed = 0;
  /** A byte of the present exchange's response has come. */
  answered = false;
  /** When it was last given back. */
  idleSinceMs = 0;
  /** From then on it is used no more. */
  expiresAtMs = Number.POSITIVE_INFINITY;
  readonly #socket: Socket;
  readonly #writer: SocketWriter;
  readonly #buffer: ReadBuffer;
  readonly #keeper: ConnectionKeeper;
  readonly #wheel: TimerWheel;
  readonly #connectTimer: WheelTimer;
  #closed = false;
  #paused = false;

  constructor(endpoint: EndpointPlan, keeper: ConnectionKeeper, wheel: TimerWheel, connectDeadlineMs: number) {
    this.endpoint = endpoint;
    this.#keeper = keeper;
    this.#wheel = wheel;
    this.#connectTimer = new WheelTimer(this);
    wheel.arm(this.#connectTimer, connectDeadlineMs);
    this.#buffer = new ReadBuffer((chunk) => this.#onChunk(chunk));
    const { onread } = this.#buffer;
    const socket = connect({
      host: endpoint.host,
      port: endpoint.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
      onread,
    });
    this.#socket = socket;
    this.#writer = new SocketWriter(socket);
    socket.on('connect', () => this.#onConnect());
    socket.on('drain', () => this.user?.onUpstreamDrain());
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => this.#onClosed(error));
    socket.on('close', () => this.#onClosed(undefined));
  }

  /** May be given to another exchange. */
  get usable(): boolean {
    return !this.#closed && this.#socket.writable;
  }

  /** Everything written has left. */
  get drained(): boolean {
    return this.#writer.drained;
  }

  /** Right after a write that did not wait: it failed, nothing was sent. */
  get writeFailed(): boolean {
    return this.#socket.errored !== null;
  }

  /** Once it is closed: the text that the present exchange sent last never left. */
  get unsent(): boolean {
    return this.#writer.lost || this.#writer.waits;
  }

  /** False: wait for `onUpstreamDrain` before sending more. */
  sendText(text: string): boolean {
    return this.#writer.text(text);
  }

  /** What was sent so far leaves now, not at the end of the turn. */
  flush(): void {
    this.#writer.flush();
  }

  /** As `sendText`. */
  sendBytes(bytes: Buffer): boolean {
    return this.#writer.bytes(bytes);
  }

  /** A head and the body that is too large to be joined with it, in one system call. */
  sendTogether(text: string, bytes: Buffer): boolean {
    return this.#writer.textAndBytes(text, bytes);
  }

  /** The chunk at hand was written to a socket that has not taken all of it. */
  keepChunk(): void {
    this.#buffer.keep();
  }

  /** An exchange was completed on it and nothing is left of it; whoever is next finds it as new. */
  rest(nowMs: number): void {
    this.user = null;
    this.completed++;
    this.answered = false;
    this.idleSinceMs = nowMs;
    this.#buffer.rest();
    this.resume();
  }

  /** An exchange was completed on it: nothing of it is still to come or to be sent. */
  giveBack(nowMs: number): void {
    this.#keeper.giveBack(this, nowMs);
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /** From now on it carries a tunnel; `early`: what of it has come. It is never given to an exchange again. */
  startTunnel(user: UpstreamUser, early: Buffer | null): TunnelEnd {
    this.user = user;
    this.#writer.makeDirect();
    return new TunnelEnd(this.#socket, this.#buffer, early);
  }

  /** Ends it at once; its user is not told. */
  destroy(): void {
    this.user = null;
    this.#release();
    this.#socket.destroy();
  }

  onTimer(): void {
    if (!this.connected) this.#onClosed(new ConnectTimeout('no connection in time'));
  }

  #onConnect(): void {
    this.connected = true;
    this.#buffer.attach(this.#socket);
    this.#wheel.remove(this.#connectTimer);
  }

  #onChunk(chunk: Buffer): void {
    // No answer to a request that has not left.
    if (this.#writer.waits) {
      this.#onClosed(undefined);
      return;
    }
    this.answered = true;
    if (this.user !== null) this.user.onUpstreamChunk(chunk);
    // Bytes nobody asked for: the next exchange must not take them for its response.
    else this.destroy();
  }

  #onEnd(): void {
    const { user } = this;
    if (user?.onUpstreamEnd !== undefined) user.onUpstreamEnd();
    else this.#onClosed(undefined);
  }

  #onClosed(error: Error | undefined): void {
    if (this.#closed) return;
    const { user } = this;
    this.user = null;
    this.#release();
    this.#socket.destroy();
    user?.onUpstreamClosed(this, error);
  }

  #release(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#buffer.release();
    this.#wheel.remove(this.#connectTimer);
    this.#keeper.onConnectionClosed(this);
  }
}
