import { type ResponseHead, withBody } from '../../http1/index.ts';
import { ResponseBody } from '../body/response-body.ts';
import { WholeBody } from '../body/whole-body.ts';
import type { ProxyContext } from '../proxy-context.ts';
import { type TimerOwner, WheelTimer } from '../timer-wheel.ts';
import type { UpstreamConnection, UpstreamUser } from '../upstream/upstream-connection.ts';
import type { MirrorState } from './mirror-state.ts';

/** The largest body that is copied, as it is framed. */
const MAX_BODY_BYTES = 256 * 1024;
/** Up to this, a body leaves together with its head as one text. */
const MAX_JOINED_BYTES = 16 * 1024 - 2048;
const SWITCHING_PROTOCOLS = 101;

/**
 * A copy of one request, with a connection of its own to the mirror's service. It waits for nothing: where there is no connection, no
 * endpoint or no room, it is dropped. The answer is read past. Each is counted once, by how it ended.
 */
export class MirrorCopy implements UpstreamUser, TimerOwner {
  readonly #context: ProxyContext;
  readonly #mirror: MirrorState;
  readonly #headText: string;
  readonly #method: string;
  readonly #hash: number;
  readonly #body: WholeBody;
  readonly #answer = new ResponseBody();
  readonly #timer: WheelTimer = new WheelTimer(this);
  #connection: UpstreamConnection | null = null;
  #head: ResponseHead | null = null;
  #endpointSlot = -1;
  #over = false;

  /** `hash`: of the request, where the mirror's service is balanced by it. */
  constructor(context: ProxyContext, mirror: MirrorState, headText: string, method: string, hash: number) {
    this.#context = context;
    this.#mirror = mirror;
    this.#headText = headText;
    this.#method = method;
    this.#hash = hash;
    this.#body = new WholeBody(context.mirrorBudget, MAX_BODY_BYTES);
    context.mirrorCopies++;
  }

  /** More of the body, as it is sent on. False: it is too large, or there is no room; the copy was dropped. */
  add(bytes: Buffer): boolean {
    if (bytes.length === 0 || this.#body.add(bytes) === 'added') return true;
    this.drop();
    return false;
  }

  /** All of the request has come. */
  send(): void {
    try {
      this.#send();
    } catch (error) {
      this.#context.hooks.onBug(error);
      this.#fail();
    }
  }

  /** It is not sent. */
  drop(): void {
    this.#end(this.#mirror.dropped);
  }

  onUpstreamChunk(chunk: Buffer): void {
    try {
      this.#read(this.#connection as UpstreamConnection, chunk);
    } catch (error) {
      this.#context.hooks.onBug(error);
      this.#fail();
    }
  }

  onUpstreamDrain(): void {
    // All of it was given to the connection at once.
  }

  onUpstreamClosed(): void {
    this.#connection = null;
    const isWhole = this.#head !== null && this.#answer.endsWithUpstream;
    this.#end(isWhole ? this.#mirror.answered : this.#mirror.failed);
  }

  onTimer(): void {
    this.#fail();
  }

  #send(): void {
    const { nowMs, pools, shared, wheel } = this.#context;
    const { plan, service } = this.#mirror;
    const endpoint = plan.service.enabled ? service.choice.pick(-1, this.#hash, nowMs) : undefined;
    const connection = endpoint && pools.take(endpoint, plan.service, nowMs);
    if (endpoint === undefined || connection === undefined) {
      this.drop();
      return;
    }
    this.#connection = connection;
    connection.user = this;
    this.#endpointSlot = endpoint.slot;
    shared.columns.inFlight.add(endpoint.slot, 1);
    wheel.arm(this.#timer, nowMs + plan.timeoutMs);
    this.#body.complete();
    const { bytes } = this.#body;
    if (bytes.length === 0) connection.sendText(this.#headText);
    else if (bytes.length > MAX_JOINED_BYTES) connection.sendTogether(this.#headText, bytes);
    else connection.sendText(withBody(this.#headText, bytes, 0, bytes.length));
  }

  #read(connection: UpstreamConnection, chunk: Buffer): void {
    let at = 0;
    while (this.#head === null) {
      const head = connection.reader.read(chunk, at, this.#method);
      if (head === undefined) return;
      if (!head.ok || head.status === SWITCHING_PROTOCOLS) {
        this.#fail();
        return;
      }
      at = connection.reader.end;
      if (head.status >= 200) {
        this.#head = head;
        this.#answer.begin(head, 0, false);
      } else if (at === chunk.length) return;
    }
    const end = this.#answer.received ? at : this.#answer.take(chunk, at);
    if (this.#answer.malformed) this.#fail();
    else if (this.#answer.received) this.#finish(connection, this.#head.keepAlive && end === chunk.length);
  }

  #finish(connection: UpstreamConnection, clean: boolean): void {
    this.#connection = null;
    connection.user = null;
    if (clean && connection.drained) connection.giveBack(this.#context.shared.clock.nowMs());
    else connection.destroy();
    this.#end(this.#mirror.answered);
  }

  #fail(): void {
    this.#connection?.destroy();
    this.#connection = null;
    this.#end(this.#mirror.failed);
  }

  /** Gives back what it held; once. */
  #end(series: number): void {
    if (this.#over) return;
    this.#over = true;
    const { shared, wheel } = this.#context;
    shared.metrics.add(series);
    wheel.remove(this.#timer);
    this.#body.release();
    this.#context.mirrorCopies--;
    if (this.#endpointSlot >= 0) shared.columns.inFlight.add(this.#endpointSlot, -1);
  }
}
