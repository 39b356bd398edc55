import type { Socket } from 'node:net';
import type { ListenerPlan } from '@sluice/engine';
import {
  createRequestHeadReader,
  REQUEST_HEAD_LIMITS,
  type RequestHead,
  type RequestHeadReader,
} from '../../http1/index.ts';
import { KEEP_ALIVE_RACES } from '../../shared/index.ts';
import { Exchange } from '../exchange.ts';
import type { GuardedConnection } from '../overload-guard.ts';
import type { ProxyContext } from '../proxy-context.ts';
import { type TimerOwner, WheelTimer } from '../timer-wheel.ts';
import { TunnelEnd } from '../tunnel/tunnel-end.ts';
import type { PutOff } from '../turns.ts';
import { readAccepted, unsentBytes } from './accepted-socket.ts';
import type { ClientSide, ClientTunnel } from './client-side.ts';
import type { CappedConnection } from './connection-caps.ts';
import { Peer } from './peer.ts';
import { ReadBuffer } from './read-buffer.ts';
import { SocketWriter } from './socket-writer.ts';

/** Where a connection was accepted, and who is told of its end. */
export interface Acceptor {
  readonly name: string;
  /** As configured now. */
  readonly plan: ListenerPlan;
  /** Every answer is its connection's last. */
  readonly leaving: boolean;
  /** When a connection that is now idle is ended, on the shared clock. */
  keepAliveUntilMs(nowMs: number): number;
  /** When they are cut, shared clock; Infinity while not leaving. */
  readonly leaveByMs: number;
  onConnectionClosed(connection: DownstreamConnection): void;
}

type ConnectionState =
  /** Between requests, or in a request's head. */
  | 'head'
  /** In a request: its body, or waiting for its answer. */
  | 'exchange'
  /** What comes is for the tunnel. */
  | 'tunnel'
  /** The last answer is written; what the client still sends is thrown away, so that it can read that answer. */
  | 'lingering'
  | 'closed';

const NOT_PARKED = -1;
/** How long a client may go on sending after the last answer. */
const LINGER_MS = 2000;

/** How long a tunnel may still take where its connection is one too many. */
const END_SOON_MS = 10_000;

/**
 * One client's connection: its requests one after the other, each answered before the next is read. Long for its own good: every event of
 * a connection in any of its states is here, so that what a state takes and what it leaves can be read in one place.
 */
export class DownstreamConnection implements ClientSide, CappedConnection, GuardedConnection, PutOff, TimerOwner {
  readonly peer: Peer;
  readonly clientCell: number;
  readonly #context: ProxyContext;
  readonly #acceptor: Acceptor;
  readonly #socket: Socket;
  readonly #writer: SocketWriter;
  readonly #buffer: ReadBuffer;
  readonly #reader: RequestHeadReader;
  readonly #exchange: Exchange;
  readonly #timer: WheelTimer = new WheelTimer(this);
  #state: ConnectionState = 'head';
  /** In state `tunnel`. */
  #tunnel: ClientTunnel | null = null;
  /** The time for the head is running. */
  #headTimed = true;
  /** In `#consume`, which goes on by itself when an exchange ends. */
  #consuming = false;
  #paused = false;
  /** Answers of the guard that are still to be sent. */
  #refusals = '';
  /** No request has come yet. */
  #isFirst = true;
  /** Ended while it waited for a request. */
  #closedIdle = false;
  /** No request is taken after the one at hand. */
  #last = false;
  /** What came behind the request that is being answered, and where it begins. A copy that is this connection's own. */
  #held: Buffer | null = null;
  #heldAt = 0;
  /** A copy that is being read again: what is left of it needs no further copy. */
  #reread: Buffer | null = null;
  /** When what is held was read, in the worker's own time. */
  heldSinceMs = 0;
  /** In the worker's own time: since then nothing is read until the guard says so. */
  #parkedAtMs = NOT_PARKED;
  /** Bytes that the client had not taken when it was last looked at. */
  #unsentSeen = 0;
  /** It was parked for too long. */
  #refuseNext = false;

  /** `clientCell`: where the caps count it. */
  constructor(context: ProxyContext, acceptor: Acceptor, accepted: Socket, address: string, clientCell: number) {
    this.#context = context;
    this.#acceptor = acceptor;
    this.clientCell = clientCell;
    this.#buffer = new ReadBuffer((chunk) => this.#onChunk(chunk));
    const socket = readAccepted(accepted, this.#buffer);
    this.#socket = socket;
    this.#writer = new SocketWriter(socket);
    const { headerBytes, headerCount, headerTimeoutMs } = acceptor.plan;
    this.#reader = createRequestHeadReader({ targetBytes: REQUEST_HEAD_LIMITS.targetBytes, headerBytes, headerCount });
    this.peer = new Peer(address, context.shared.region.hashKey);
    this.#exchange = new Exchange(context, this);
    context.readClock();
    context.wheel.arm(this.#timer, context.nowMs + headerTimeoutMs);
    socket.on('drain', () => this.#onDrain());
    socket.on('end', () => this.#onEnd());
    socket.on('error', () => this.#onClosed());
    socket.on('close', () => this.#onClosed());
  }

  get listener(): ListenerPlan {
    return this.#acceptor.plan;
  }

  get listenerName(): string {
    return this.#acceptor.name;
  }

  get leaving(): boolean {
    return this.#last || this.#acceptor.leaving;
  }

  get leaveByMs(): number {
    return this.#acceptor.leaveByMs;
  }

  /** Between requests, with nothing of the next one here. */
  get idle(): boolean {
    return this.#state === 'head' && !this.#reader.started && this.#held === null;
  }

  /** In a request, in its head, or in a tunnel. */
  get busy(): boolean {
    return this.#state === 'exchange' || this.#state === 'tunnel' || (this.#state === 'head' && !this.idle);
  }

  sendText(text: string): boolean {
    return this.#writer.text(text);
  }

  sendBytes(bytes: Buffer): boolean {
    return this.#writer.bytes(bytes);
  }

  sendTogether(text: string, bytes: Buffer): boolean {
    return this.#writer.textAndBytes(text, bytes);
  }

  get drained(): boolean {
    return this.#writer.drained;
  }

  get bytesSent(): number {
    return this.#writer.bytesTaken;
  }

  get unsentBytes(): number {
    return unsentBytes(this.#socket);
  }

  keepChunk(): void {
    this.#buffer.keep();
  }

  pauseReading(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resumeReading(): void {
    if (!this.#paused || this.#held !== null || this.#parkedAtMs !== NOT_PARKED) return;
    this.#paused = false;
    this.#socket.resume();
  }

  takeHeld(): void {
    if (this.#state === 'exchange' && this.#held !== null && !this.#exchange.body.received) this.#goOn();
  }

  exchangeFinished(keepAlive: boolean): void {
    if (this.#state === 'closed' || this.#state === 'tunnel') return;
    if (!keepAlive) {
      this.#linger();
      return;
    }
    this.#buffer.rest();
    this.#awaitHead();
    if (!this.#consuming) this.#goOn();
  }

  exchangeBroken(): void {
    this.#state = 'closed';
    this.#tunnel = null;
    this.#writer.flush();
    this.#socket.resetAndDestroy();
  }

  park(): void {
    const { guard, shared } = this.#context;
    if (this.#parkedAtMs !== NOT_PARKED) {
      if (!guard.parkedTooLong(this.#parkedAtMs)) return;
      this.#refuseNext = true;
      this.#unpark();
      return;
    }
    if (this.#refuseNext || !this.#mayPark()) return;
    this.#parkedAtMs = guard.ownMs;
    shared.metrics.overflow('parked_connections');
    this.pauseReading();
  }

  unpark(): void {
    this.#refuseNext = false;
    if (this.#parkedAtMs !== NOT_PARKED) this.#unpark();
  }

  endSoon(): void {
    this.#last = true;
    this.leaveTunnel(this.#context.shared.clock.nowMs() + END_SOON_MS);
    this.closeIfIdle();
  }

  startTunnel(tunnel: ClientTunnel): TunnelEnd {
    const early = this.#held === null ? null : this.#held.subarray(this.#heldAt);
    this.#held = null;
    this.#parkedAtMs = NOT_PARKED;
    this.#refuseNext = false;
    this.#state = 'tunnel';
    this.#tunnel = tunnel;
    this.#writer.makeDirect();
    return new TunnelEnd(this.#socket, this.#buffer, early);
  }

  endTunnel(): void {
    this.#tunnel = null;
    this.#linger();
  }

  /** A tunnel, if it carries one, is to end by then; shared clock. */
  leaveTunnel(leaveByMs: number): void {
    this.#tunnel?.leave(leaveByMs);
  }

  /** Ends the connection if it is between requests. */
  closeIfIdle(): void {
    if (!this.idle) return;
    this.#context.readClock();
    this.#closedIdle = true;
    this.#linger();
  }

  /** Ends the connection whatever it does. */
  destroy(): void {
    this.#socket.destroy();
    this.#onClosed();
  }

  onTimer(): void {
    this.#context.readClock();
    if (this.#state === 'lingering') this.destroy();
    else if (this.#state === 'head') this.#onHeadTimer();
  }

  #onHeadTimer(): void {
    if (this.#reader.started) this.#exchange.refuseLate();
    else if (this.#parkedAtMs !== NOT_PARKED) this.#awaitHead();
    else if (this.#held !== null) this.#onUnread();
    // Behind the reading of this turn, with which the next request may come.
    else setImmediate(() => this.closeIfIdle());
  }

  /** Requests are here for which the client has to read the answers before. If it has read nothing for so long it is cut. */
  #onUnread(): void {
    const { unsentBytes } = this;
    if (unsentBytes > 0 && unsentBytes === this.#unsentSeen) {
      this.destroy();
      return;
    }
    this.#unsentSeen = unsentBytes;
    this.#awaitHead();
  }

  #onChunk(chunk: Buffer): void {
    try {
      if (this.#held === null) this.#consume(chunk, 0);
      // Came although reading is paused: it was on its way already.
      else this.#holdMore(chunk);
    } catch (error) {
      this.#context.hooks.onBug(error);
      this.destroy();
    }
  }

  #consume(chunk: Buffer, start: number): void {
    this.#consuming = true;
    let at = start;
    while (at < chunk.length) {
      if (this.#state === 'head') {
        // A client that does not read its answers gets no more of them made.
        if (this.#socket.writableNeedDrain) {
          this.#hold(chunk, at);
          break;
        }
        if (this.#context.turns.spent() || (this.#isFirst && this.#mayBeGone())) {
          this.#putOff(chunk, at);
          break;
        }
        at = this.#readHead(chunk, at);
      } else if (this.#state === 'exchange') {
        if (this.#exchange.leasing) {
          this.#hold(chunk, at);
          break;
        }
        if (!this.#exchange.body.received) at = this.#exchange.takeBody(chunk, at);
        else {
          this.#hold(chunk, at);
          break;
        }
      } else if (this.#state === 'tunnel') {
        (this.#tunnel as ClientTunnel).onClientChunk(chunk);
        break;
      } else {
        this.#countRace();
        break;
      }
    }
    this.#consuming = false;
    if (this.#refusals !== '') this.#sendRefusals();
  }

  #sendRefusals(): void {
    const text = this.#refusals;
    this.#refusals = '';
    if (text !== '') this.sendText(text);
  }

  /** What comes on an idle connection just after it was ended is a request that met the end on its way. */
  #countRace(): void {
    if (!this.#closedIdle) return;
    this.#closedIdle = false;
    this.#context.shared.columns.process.add(KEEP_ALIVE_RACES, 1);
  }

  /** Begins in a later turn what this one has no time for. */
  #putOff(chunk: Buffer, at: number): void {
    this.#keep(chunk, at);
    this.#context.turns.putOff(this);
  }

  /** True once, and only where clients are looked at twice. */
  #mayBeGone(): boolean {
    this.#isFirst = false;
    return this.#context.turns.checksClients;
  }

  takeUp(): void {
    if (this.#state !== 'head' || this.#held === null) return;
    try {
      this.#goOn();
    } catch (error) {
      this.#context.hooks.onBug(error);
      this.destroy();
    }
  }

  #unpark(): void {
    this.#parkedAtMs = NOT_PARKED;
    if (this.#state !== 'head') this.resumeReading();
    else if (!this.#consuming) this.#goOn();
  }

  /** The worker is overloaded: what it has no time for it refuses with as little work as can be. */
  #refusesFor(head: RequestHead, chunk: Buffer): boolean {
    const context = this.#context;
    const { guard } = context;
    this.#last ||= guard.noKeepAlive;
    context.readClock();
    const heldSinceMs = chunk === this.#reread ? this.heldSinceMs : guard.ownMs;
    if (!this.#refuseNext && !guard.refuses(heldSinceMs)) {
      this.#sendRefusals();
      return false;
    }
    const keepAlive = head.keepAlive && head.body === 'none' && !this.#refuseNext && !this.leaving;
    // Many may be refused in a row: they leave together.
    this.#refusals += guard.refusal(head.method, keepAlive, context.dateLine);
    if (keepAlive) {
      this.#awaitHead();
    } else {
      this.#sendRefusals();
      this.#linger();
    }
    return true;
  }

  #awaitHead(): void {
    this.#state = 'head';
    this.#headTimed = false;
    this.#context.wheel.arm(this.#timer, this.#acceptor.keepAliveUntilMs(this.#context.nowMs));
  }

  /** A head that has begun has its time, and a body is waited for by an upstream. */
  #mayPark(): boolean {
    return this.idle || (this.#state === 'exchange' && this.#exchange.body.received);
  }

  #readHead(chunk: Buffer, at: number): number {
    const head = this.#reader.read(chunk, at);
    if (head === undefined) {
      this.#timeHead();
      return chunk.length;
    }
    if (head.ok && this.#context.guard.active && this.#refusesFor(head, chunk)) {
      return this.#state === 'head' ? this.#reader.end : chunk.length;
    }
    this.#state = 'exchange';
    this.#context.wheel.arm(this.#timer, Number.POSITIVE_INFINITY);
    if (head.ok) return this.#exchange.begin(head, chunk, this.#reader.end);
    this.#exchange.refuse(head);
    return chunk.length;
  }

  /** From the first byte of a head its time is running, however slowly the others follow. */
  #timeHead(): void {
    if (this.#headTimed) return;
    this.#headTimed = true;
    const context = this.#context;
    context.readClock();
    context.wheel.arm(this.#timer, context.nowMs + this.#acceptor.plan.headerTimeoutMs);
  }

  #hold(chunk: Buffer, at: number): void {
    this.#keep(chunk, at);
    this.pauseReading();
  }

  #keep(chunk: Buffer, at: number): void {
    const isOwn = chunk === this.#reread;
    this.#held = isOwn ? chunk : Buffer.from(chunk.subarray(at));
    this.#heldAt = isOwn ? at : 0;
    if (!isOwn) this.heldSinceMs = this.#context.guard.ownMs;
  }

  #holdMore(chunk: Buffer): void {
    this.#held = Buffer.concat([(this.#held as Buffer).subarray(this.#heldAt), chunk]);
    this.#heldAt = 0;
    this.pauseReading();
  }

  /** Takes up what was held back, and reading. */
  #goOn(): void {
    const held = this.#held;
    this.#held = null;
    this.#reread = held;
    if (held !== null) this.#consume(held, this.#heldAt);
    this.#reread = null;
    this.resumeReading();
  }

  #onDrain(): void {
    if (this.#state === 'exchange') this.#exchange.onClientDrain();
    else if (this.#state === 'head' && this.#held !== null) this.#goOn();
  }

  /** The client sends no more. It is taken to be gone: who still waits for an answer keeps its side open. */
  #onEnd(): void {
    if (this.#state === 'exchange') this.destroy();
    else if (this.#state === 'tunnel') this.#tunnel?.onClientEnd();
    else {
      this.#held = null;
      this.#writer.end();
    }
  }

  #linger(): void {
    this.#state = 'lingering';
    this.#held = null;
    this.#parkedAtMs = NOT_PARKED;
    this.resumeReading();
    this.#writer.end();
    const { wheel, nowMs } = this.#context;
    wheel.arm(this.#timer, nowMs + LINGER_MS);
  }

  #onClosed(): void {
    if (this.#state !== 'closed') {
      const was = this.#state;
      this.#state = 'closed';
      if (was === 'exchange') this.#exchange.onClientGone();
      else if (was === 'tunnel') this.#tunnel?.onClientClosed();
    }
    this.#tunnel = null;
    this.#buffer.release();
    this.#context.wheel.remove(this.#timer);
    this.#context.wheel.remove(this.#exchange.timer);
    this.#acceptor.onConnectionClosed(this);
  }
}
