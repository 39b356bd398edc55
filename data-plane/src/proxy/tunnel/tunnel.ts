import { randomBytes } from 'node:crypto';
import { ACTIVE_TUNNELS, type TunnelEnding } from '../../shared/index.ts';
import {
  type CloseCode,
  closeFrame,
  FrameTracker,
  GOING_AWAY,
  maskedCloseFrame,
  POLICY_VIOLATION,
} from '../../websocket/index.ts';
import type { ClientSide, ClientTunnel } from '../downstream/client-side.ts';
import type { Exchange } from '../exchange.ts';
import type { Caller } from '../identity/caller.ts';
import type { ProxyContext } from '../proxy-context.ts';
import { type TimerOwner, WheelTimer } from '../timer-wheel.ts';
import type { UpstreamConnection, UpstreamUser } from '../upstream/upstream-connection.ts';
import { TunnelDeadlines } from './tunnel-deadlines.ts';
import type { TunnelEnd } from './tunnel-end.ts';
import { TunnelFlow } from './tunnel-flow.ts';

type TunnelState =
  /** Bytes pass. */
  | 'open'
  /** Close frames are put in, and answered. */
  | 'closing'
  /** One connection is gone; the other is to end. */
  | 'ending'
  | 'over';

/** How long a Close frame is waited for, and an end to be taken. */
const CLOSE_WAIT_MS = 1000;

/**
 * A client's connection and an upstream's, joined once the upstream has agreed to a WebSocket: bytes pass both ways as they come, each
 * way ends by itself. It holds at most one read each way. Where the gateway ends it, both sides are told by a Close frame if one can
 * be put between two frames, else by the end of the connection.
 *
 * Longer than other files: it is one state machine, and both connections' events move it. When it is due to end is `TunnelDeadlines`.
 */
export class Tunnel implements UpstreamUser, ClientTunnel, TimerOwner {
  readonly caller: Caller | null;
  readonly #context: ProxyContext;
  readonly #client: ClientSide;
  readonly #upstream: UpstreamConnection;
  readonly #clientEnd: TunnelEnd;
  readonly #upstreamEnd: TunnelEnd;
  readonly #up: TunnelFlow;
  readonly #down: TunnelFlow;
  readonly #timer: WheelTimer = new WheelTimer(this);
  readonly #routeSlot: number;
  readonly #endpointSlot: number;
  readonly #idleMs: number;
  readonly #deadlines: TunnelDeadlines;
  #state: TunnelState = 'open';
  #clientGone = false;
  #upstreamGone = false;
  /** What ended it, once something has. */
  #ending: TunnelEnding | null = null;
  #closeByMs = Number.POSITIVE_INFINITY;

  /**
   * Takes over the connections of an exchange whose upstream has switched protocols, and the exchange's place at its endpoint.
   * `early`: bytes that came right behind the upstream's head.
   */
  constructor(x: Exchange, upstream: UpstreamConnection, early: Buffer | null) {
    const { context, client, plan, destination, caller } = x;
    const { metrics, columns } = context.shared;
    this.#context = context;
    this.#client = client;
    this.#upstream = upstream;
    this.caller = caller;
    this.#routeSlot = plan.slot;
    this.#endpointSlot = x.endpointSlot;
    x.endpointSlot = -1;
    this.#idleMs = destination.plan.streamIdleTimeoutMs;
    this.#deadlines = new TunnelDeadlines(this.#idleMs, x.endDeadlineMs, context.nowMs);
    this.#clientEnd = client.startTunnel(this);
    this.#upstreamEnd = upstream.startTunnel(this, early);
    const cut = () => this.#cut('memory');
    const upBytes = metrics.tunnelBytes(plan.slot, 'up');
    const downBytes = metrics.tunnelBytes(plan.slot, 'down');
    const { tunnels } = context;
    this.#up = new TunnelFlow(
      this.#clientEnd,
      this.#upstreamEnd,
      new FrameTracker(true),
      tunnels,
      metrics,
      upBytes,
      cut,
    );
    this.#down = new TunnelFlow(
      this.#upstreamEnd,
      this.#clientEnd,
      new FrameTracker(false),
      tunnels,
      metrics,
      downBytes,
      cut,
    );
    this.#clientEnd.onFlushed = () => this.#onClientFlushed();
    this.#upstreamEnd.onFlushed = () => this.#up.onFlushed();
    tunnels.add(this);
    columns.process.add(ACTIVE_TUNNELS, 1);
  }

  /** Bytes begin to pass: first those that came early, to each side. */
  start(): void {
    this.leave(this.#client.leaveByMs);
    if (this.#upstreamEnd.early !== null) this.onUpstreamChunk(this.#upstreamEnd.early);
    if (this.#clientEnd.early !== null) this.onClientChunk(this.#clientEnd.early);
  }

  onClientChunk(chunk: Buffer): void {
    this.#up.take(chunk, this.#moved());
    if (this.#state === 'closing') this.#lookWhetherClosed();
  }

  onUpstreamChunk(chunk: Buffer): void {
    try {
      this.#down.take(chunk, this.#moved());
      if (this.#state === 'closing') this.#lookWhetherClosed();
    } catch (error) {
      this.#onBug(error);
    }
  }

  onUpstreamDrain(): void {
    // Each write tells by itself when it is flushed.
  }

  onClientEnd(): void {
    this.#context.readClock();
    this.#ending ??= 'client';
    this.#up.end();
    if (this.#state === 'closing') this.#lookWhetherClosed();
  }

  onUpstreamEnd(): void {
    this.#context.readClock();
    this.#ending ??= 'upstream';
    this.#down.end();
    if (this.#state === 'closing') this.#lookWhetherClosed();
  }

  onClientClosed(): void {
    this.#context.readClock();
    this.#ending ??= 'client';
    this.#clientGone = true;
    // Ended both ways, the upstream is still to take what was written; else there is nobody left to write for.
    if (this.#upstreamGone || !this.#up.ended || !this.#down.ended) this.#over();
    else this.#end(this.#idleMs);
  }

  onUpstreamClosed(): void {
    this.#context.readClock();
    this.#ending ??= 'upstream';
    this.#upstreamGone = true;
    const isWhole = this.#state === 'open' ? this.#down.ended : this.#down.phase !== 'finishing';
    if (this.#clientGone || !isWhole) {
      this.#over();
    } else {
      this.#end(this.#idleMs);
      this.#releaseClient();
    }
  }

  leave(byMs: number): void {
    this.#context.readClock();
    this.#deadlines.leave(byMs, this.#context.nowMs, Math.random());
    this.#arm();
  }

  revoke(): void {
    this.#context.readClock();
    this.#close('revoked', POLICY_VIOLATION);
  }

  onTimer(): void {
    this.#context.readClock();
    try {
      this.#onTime(this.#context.nowMs);
    } catch (error) {
      this.#onBug(error);
    }
  }

  #onTime(nowMs: number): void {
    switch (this.#state) {
      case 'open':
        this.#onOpenTime(nowMs);
        break;
      case 'closing':
        if (nowMs >= this.#closeByMs) this.#finishClosing();
        else this.#arm();
        break;
      case 'ending':
        this.#over();
        break;
      case 'over':
        break;
      default:
        this.#state satisfies never;
    }
  }

  #onOpenTime(nowMs: number): void {
    const due = this.#deadlines.due(nowMs, this.#stuckSinceMs);
    if (due === undefined) this.#arm();
    // Behind the reading and writing of this turn: that nothing moved may be our own lateness.
    else if (due === 'idle') setImmediate(() => this.#endIfStill());
    else this.#close(due, GOING_AWAY);
  }

  #endIfStill(): void {
    if (this.#state !== 'open') return;
    this.#context.readClock();
    const { nowMs } = this.#context;
    const upMoved = this.#up.lookForProgress(nowMs);
    if (this.#down.lookForProgress(nowMs) || upMoved) this.#deadlines.moved(nowMs);
    const stillness = this.#deadlines.stillness(nowMs, this.#stuckSinceMs);
    if (stillness === 'stalled') this.#cut('stalled');
    else if (stillness === 'idle') this.#close('idle', GOING_AWAY);
    else this.#arm();
  }

  /** Bytes have come: when. */
  #moved(): number {
    this.#context.readClock();
    const { nowMs } = this.#context;
    this.#deadlines.moved(nowMs);
    return nowMs;
  }

  get #stuckSinceMs(): number {
    return Math.min(this.#up.stuckSinceMs, this.#down.stuckSinceMs);
  }

  #arm(): void {
    const nextMs = this.#state === 'open' ? this.#deadlines.nextMs(this.#stuckSinceMs) : this.#closeByMs;
    this.#context.wheel.arm(this.#timer, nextMs);
  }

  /** Both sides are to end; each is told by a Close frame, unless one has passed already or the bytes are no frames. */
  #close(ending: TunnelEnding, code: CloseCode): void {
    if (this.#state !== 'open') return;
    const { nowMs } = this.#context;
    this.#state = 'closing';
    this.#ending ??= ending;
    // A frame that is passing may take longer than the wait: a listener that goes leaves it the time there is.
    this.#closeByMs = ending === 'drain' ? drainedBy(this.#deadlines.leaveByMs, nowMs) : nowMs + CLOSE_WAIT_MS;
    if (!this.#up.tracker.closeSeen && !this.#down.tracker.closeSeen) {
      this.#down.close(closeFrame(code), nowMs);
      this.#up.close(maskedCloseFrame(GOING_AWAY, randomBytes(4)), nowMs);
    }
    this.#lookWhetherClosed();
  }

  #lookWhetherClosed(): void {
    if (this.#state !== 'closing') return;
    if (sendsNoMore(this.#up) && sendsNoMore(this.#down)) {
      this.#finishClosing();
      return;
    }
    if (this.#up.phase !== 'finishing' && this.#down.phase !== 'finishing') {
      this.#closeByMs = Math.min(this.#closeByMs, this.#context.nowMs + CLOSE_WAIT_MS);
    }
    this.#arm();
  }

  /** Both have answered, or there is no more time for that. */
  #finishClosing(): void {
    if (this.#down.phase === 'finishing') {
      // The client has half a frame.
      this.#over();
      return;
    }
    this.#end(CLOSE_WAIT_MS);
    this.#up.end();
    this.#releaseClient();
  }

  /** Nothing passes any more; what was written is still to be taken. */
  #end(withinMs: number): void {
    this.#state = 'ending';
    this.#closeByMs = this.#context.nowMs + withinMs;
    this.#arm();
  }

  /** Once the client has taken what was written, its connection ends by itself. */
  #releaseClient(): void {
    if (this.#clientGone) return;
    this.#up.discard();
    this.#clientEnd.resume();
    if (this.#clientEnd.heldBytes > 0) return;
    this.#clientGone = true;
    this.#client.endTunnel();
    if (this.#upstreamGone) this.#over();
  }

  #onClientFlushed(): void {
    this.#down.onFlushed();
    if (this.#state !== 'ending') return;
    this.#context.readClock();
    this.#releaseClient();
  }

  #cut(ending: TunnelEnding): void {
    this.#ending ??= ending;
    this.#over();
  }

  /** Ends what is left of both connections, and gives back what the tunnel had. */
  #over(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#clientEnd.onFlushed = null;
    this.#upstreamEnd.onFlushed = null;
    this.#up.forget();
    this.#down.forget();
    const { shared, tunnels, wheel } = this.#context;
    wheel.remove(this.#timer);
    tunnels.delete(this);
    shared.columns.process.add(ACTIVE_TUNNELS, -1);
    shared.columns.inFlight.add(this.#endpointSlot, -1);
    shared.metrics.add(shared.metrics.tunnels(this.#routeSlot, this.#ending ?? 'client'));
    if (!this.#upstreamGone) this.#upstream.destroy();
    if (!this.#clientGone) this.#client.exchangeBroken();
  }

  #onBug(error: unknown): void {
    this.#context.hooks.onBug(error);
    this.#over();
  }
}

/** Whether the source of a flow has said that it is done. */
function sendsNoMore(flow: TunnelFlow): boolean {
  return flow.ended || flow.tracker.closeSeen;
}

/** When a tunnel is to be closed whose connection is cut at `leaveByMs`: a little before. */
function drainedBy(leaveByMs: number, nowMs: number): number {
  return leaveByMs - Math.min(CLOSE_WAIT_MS, Math.max(0, leaveByMs - nowMs) / 2);
}
