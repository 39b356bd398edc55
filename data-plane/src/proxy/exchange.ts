import type { EndpointPlan, ListenerPlan, ParsedPath, RoutePlan, RouteRequest } from '@sluice/engine';
import { type FieldText, namedFieldValue, type Refusal, type RequestHead, type ResponseHead } from '../http1/index.ts';
import { ACTIVE_REQUESTS, type KeyPart, NO_SLOT, type RecalledReply } from '../shared/index.ts';
import { account, CLIENT_ABORTED } from './account.ts';
import { answerProblem } from './answer.ts';
import { collectMore } from './body/collect-body.ts';
import { RequestBody } from './body/request-body.ts';
import { ResponseBody } from './body/response-body.ts';
import type { WholeBody } from './body/whole-body.ts';
import { endFill } from './cache/cache-fill.ts';
import type { CacheUse } from './cache/cache-use.ts';
import { onRecalled } from './cache/shared-cache-recall.ts';
import type { ClientSide } from './downstream/client-side.ts';
import { authenticate } from './identity/authenticate.ts';
import type { Caller } from './identity/caller.ts';
import { Charges } from './limits/charges.ts';
import { copyBody, dropCopy } from './mirror/mirror.ts';
import type { MirrorCopy } from './mirror/mirror-copy.ts';
import { NO_HEAD } from './no-head.ts';
import { AFTER_BODY, REQUEST_PHASES } from './phases.ts';
import type { ProxyContext } from './proxy-context.ts';
import type { RequestRecord } from './record/request-record.ts';
import { startTrace, type Trace } from './record/trace-context.ts';
import { type BodyRehearsal, dropRehearsal, rehearseMore } from './rehearse-validation.ts';
import { onResponseChunk } from './respond.ts';
import type { RouteState } from './route-state.ts';
import { type TimerOwner, WheelTimer } from './timer-wheel.ts';
import type { DestinationState, FallbackState } from './upstream/destination-state.ts';
import type { ConnectionWaiter } from './upstream/endpoint-pool.ts';
import { send, sendBody } from './upstream/send-request.ts';
import { abandonTry } from './upstream/try.ts';
import { onTryClosed, onTryTimer } from './upstream/try-events.ts';
import type { UpstreamConnection, UpstreamUser } from './upstream/upstream-connection.ts';

export type ExchangeState =
  /** No request. */
  | 'idle'
  /** The phases run. */
  | 'deciding'
  /** They wait for the keys of a token's issuer. */
  | 'identifying'
  /** The phases wait for the whole body. */
  | 'collecting'
  /** A limit has no answer from the store of leases yet. */
  | 'leasing'
  /** It waits for an answer that another request fetches into the cache. */
  | 'following'
  /** It waits for what the cache that nodes share has. */
  | 'recalling'
  /** A try waits for a connection. */
  | 'queued'
  /** A try is on its way. */
  | 'waiting'
  /** Between two tries. */
  | 'pausing'
  /** The answer's head has come, and it is held until all of it has. */
  | 'editing'
  /** The answer's head went out, its body follows. */
  | 'responding'
  /** The answer is written; the rest of the request's body is still to be read past. */
  | 'answered';

const NO_FALLBACKS: readonly FallbackState[] = [];

/**
 * One request and its answer. One object for each client connection, used for its requests in turn, so that a request allocates
 * little. The state is changed by the modules that act on it: the phases, `forward` for tries, `respond` for the upstream's answer,
 * `answer` for the gateway's own. Half of this file declares what those share: in one object of one shape, however many they are.
 */
export class Exchange implements RouteRequest, UpstreamUser, ConnectionWaiter, TimerOwner {
  readonly context: ProxyContext;
  readonly client: ClientSide;
  readonly body = new RequestBody();
  readonly responseBody = new ResponseBody();
  readonly timer: WheelTimer = new WheelTimer(this);
  state: ExchangeState = 'idle';

  // The request.
  head: RequestHead = NO_HEAD;
  listener: ListenerPlan;
  startedUs = 0;
  path = '';
  query = '';
  host: string | undefined = undefined;
  /** As it is routed by. */
  method = '';
  requestId = '';
  readonly trace: Trace = { traceId: '', line: '' as FieldText };
  /** A route was found: `route` and `plan` are those of this request. */
  routed = false;
  /** What the path matched in the route. */
  matched: ParsedPath | undefined = undefined;
  route!: RouteState;
  plan!: RoutePlan;
  caller: Caller | null = null;
  /** In state `identifying`: the issuer whose keys it waits for. */
  keysOf = '';
  /** They were waited for: it is decided by those that are there. */
  keysAwaited = false;
  /** What the cache has to do with it; null: nothing, or it has answered already. */
  cache: CacheUse | null = null;
  /** Where it goes; from the phase on that chooses it. */
  destination!: DestinationState;
  /** What it counts for; NO_SLOT: none, or not known yet. */
  serviceSlot = NO_SLOT;
  /** What scripts of other origins are told. */
  corsLines = '' as FieldText;
  /** What the client is told of its limits. */
  rateLimit = '';
  rateLimitPolicy = '';
  readonly charges = new Charges();
  /** What is noted of a request that may be logged; null: nothing. */
  record: RequestRecord | null = null;
  /** Of the limit that refused it: when the same request would pass. */
  retryAfterMs = 0;
  /** The request's body, where all of it is needed before the request goes on; null: it goes on as it comes. */
  wholeBody: WholeBody | null = null;
  /** What a schema in dry run is to be asked about; null: nothing, or it was. */
  rehearsal: BodyRehearsal | null = null;
  /** The limit to go on with. */
  limitAt = 0;
  /** Until when it waits for answers about leases; 0: it has not waited. */
  leaseDeadlineMs = 0;
  /** That time is over. */
  leaseWaited = false;
  #phase = 0;
  #chunk: Buffer | null = null;
  #chunkAt = 0;

  // The tries.
  upstream: UpstreamConnection | null = null;
  /** The request as it goes to the upstream. */
  headText = '';
  /** Body bytes sent so far, to be sent again while `replayable`; and those that came while there was no connection. */
  readonly replay: Buffer[] = [];
  replayBytes = 0;
  replayable = false;
  tryStartedUs = 0;
  /** Endpoint where the present try counts as in flight, -1: none. */
  endpointSlot = -1;
  /** Service where the request has one of a bounded number of places, -1: none. */
  placeSlot = -1;
  /** Endpoint where the last try failed. */
  failedSlot = -1;
  /** Of the present try, -1: none to report. */
  breakerToken = -1;
  retries = 0;
  /** What may be served instead, and which of it is next. */
  fallbacks: readonly FallbackState[] = NO_FALLBACKS;
  fallbackAt = 0;
  /** A dead pooled connection was replaced. */
  replaced = false;
  /** Of a WebSocket handshake that is forwarded as one; empty: it is none. A connection has at most one, its last request. */
  webSocketKey = '';
  /** The endpoint for which it waits, or last did. */
  waitsFor!: EndpointPlan;
  wantsNew = false;
  /** The client waits for 100 before it sends the body. */
  continueDue = false;
  interims = 0;
  /** What a route with rehearsed failures drew for the request: a delay, a refusal's status; 0: none. */
  faultDelayMs = 0;
  faultStatus = 0;
  uploadBlocked = false;
  /** Of a request that is copied, while its body comes. */
  mirrorCopy: MirrorCopy | null = null;
  /** What the client had not taken when it was last looked at. */
  unsentSeen = 0;

  // The answer.
  /** Of an answer that is edited: null where none is. */
  answerHead: ResponseHead | null = null;
  wholeAnswer: WholeBody | null = null;
  status = 0;
  keepAlive = false;
  upstreamKeepAlive = false;

  // Deadlines, on the shared clock.
  headDeadlineMs = 0;
  tryDeadlineMs = 0;
  endDeadlineMs = 0;
  resumeAtMs = 0;
  lastByteMs = 0;
  lastBodyMs = 0;

  constructor(context: ProxyContext, client: ClientSide) {
    this.context = context;
    this.client = client;
    this.listener = client.listener;
  }

  /** Starts a request whose head ended before `chunk[at]`; gives the offset behind what of its body has come. */
  begin(head: RequestHead, chunk: Buffer, at: number): number {
    this.#reset(head);
    this.body.begin(head);
    this.#chunk = chunk;
    this.#chunkAt = at;
    this.#decide(0);
    this.#chunk = null;
    return this.#chunkAt;
  }

  /** Waits in its phases until {@link Exchange.onKeysSettled}. What of its body has come is kept, and no more of it is read. */
  holdForKeys(issuer: string, untilMs: number): void {
    this.state = 'identifying';
    this.keysOf = issuer;
    this.resumeAtMs = untilMs;
    this.context.wheel.arm(this.timer, untilMs);
    this.takeArrived();
    if (this.body.bytes.length > 0) this.replay.push(Buffer.from(this.body.bytes));
    if (this.body.received) return;
    this.uploadBlocked = true;
    this.client.pauseReading();
  }

  /** What it waited for has come, or will not: it is identified now. */
  onKeysSettled(): void {
    this.context.readClock();
    this.context.wheel.arm(this.timer, Number.POSITIVE_INFINITY);
    this.state = 'deciding';
    this.body.bytes = Buffer.concat(this.replay);
    this.replay.length = 0;
    if (this.body.received) this.unblockUpload();
    this.keysAwaited = true;
    try {
      this.#decide(REQUEST_PHASES.indexOf(authenticate));
    } catch (error) {
      this.#onBug(error);
    }
    this.keysAwaited = false;
  }

  /** The whole body has come and is let through. */
  resumePhases(): void {
    this.state = 'deciding';
    this.#decide(AFTER_BODY);
  }

  /** Goes on with the phase that waited. */
  decideOn(): void {
    this.state = 'deciding';
    try {
      this.#decide(this.#phase);
      if (!this.leasing) this.client.takeHeld();
    } catch (error) {
      this.#onBug(error);
    }
  }

  /** The cache that nodes share has answered. */
  onRecalled(reply: RecalledReply): void {
    try {
      onRecalled(this, this.cache as CacheUse, reply);
    } catch (error) {
      this.#onBug(error);
    }
  }

  /** It waits, and nothing more of what comes is looked at. */
  get leasing(): boolean {
    return this.state === 'leasing' || this.state === 'following' || this.state === 'recalling';
  }

  /** The same request, decided in the same way, of another client. Nothing is on its way yet. */
  copyFor(client: ClientSide, cache: CacheUse): Exchange {
    const copy = new Exchange(this.context, client);
    copy.state = 'deciding';
    copy.head = this.head;
    copy.body.begin(this.head);
    copy.listener = this.listener;
    copy.path = this.path;
    copy.query = this.query;
    copy.host = this.host;
    copy.method = this.method;
    copy.requestId = this.requestId;
    copy.trace.traceId = this.trace.traceId;
    copy.trace.line = this.trace.line;
    copy.routed = true;
    copy.matched = this.matched;
    copy.route = this.route;
    copy.plan = this.plan;
    copy.caller = this.caller;
    copy.destination = this.destination;
    copy.serviceSlot = this.serviceSlot;
    copy.cache = cache;
    return copy;
  }

  /** Answers what is no request. */
  refuse(refusal: Refusal): void {
    this.#reset(NO_HEAD);
    this.body.begin(NO_HEAD);
    startTrace(this);
    answerProblem(this, refusal.code === 'upstream_protocol_error' ? 'bad_request' : refusal.code, refusal.detail);
  }

  /** The head did not come in time. */
  refuseLate(): void {
    this.#reset(NO_HEAD);
    this.body.begin(NO_HEAD);
    startTrace(this);
    answerProblem(this, 'request_timeout', 'The request head did not arrive in time.');
  }

  /** Takes what of the body came with the head; once, before anything is sent or answered. */
  takeArrived(): void {
    if (this.#chunk === null || this.body.received) return;
    this.#chunkAt = this.body.take(this.#chunk, this.#chunkAt);
    this.#chunk = null;
  }

  /** More of the request body. Gives the offset behind it. */
  takeBody(chunk: Buffer, at: number): number {
    const { body } = this;
    const end = body.take(chunk, at);
    if (body.refusal !== null) {
      this.#refuseBody(body.refusal);
      return chunk.length;
    }
    if (this.rehearsal !== null) rehearseMore(this, this.rehearsal);
    switch (this.state) {
      case 'identifying':
        // On its way before reading was paused.
        this.replay.push(Buffer.from(body.bytes));
        break;
      case 'queued':
      case 'waiting':
      case 'pausing':
      case 'editing':
      case 'responding':
        this.context.readClock();
        this.lastBodyMs = this.lastByteMs = this.context.nowMs;
        if (body.payloadBytes > this.route.bodyBytes) {
          this.#refuseSize();
          break;
        }
        sendBody(this, body.bytes);
        if (this.mirrorCopy !== null) copyBody(this, this.mirrorCopy);
        break;
      case 'collecting':
        this.context.readClock();
        this.lastBodyMs = this.context.nowMs;
        collectMore(this);
        break;
      case 'answered':
        if (!body.received) break;
        this.context.readClock();
        this.context.wheel.arm(this.timer, Number.POSITIVE_INFINITY);
        this.#over();
        break;
      default:
        break;
    }
    return end;
  }

  header(name: string): string | undefined {
    return namedFieldValue(this.head, name);
  }

  clientPart(): KeyPart {
    return this.client.peer.clientPart(this.head, this.listener);
  }

  /** The upstream takes the body again, or no more of it. */
  unblockUpload(): void {
    if (!this.uploadBlocked) return;
    this.uploadBlocked = false;
    this.client.resumeReading();
  }

  /** The answer is written as a whole. */
  answered(status: number): void {
    this.state = 'answered';
    this.context.wheel.arm(this.timer, Number.POSITIVE_INFINITY);
    account(this, status);
    if (this.body.received || !this.keepAlive) {
      this.#over();
    } else {
      // In all: a byte now and then would keep the connection for ever.
      this.context.wheel.arm(this.timer, this.context.nowMs + this.listener.bodyIdleTimeoutMs);
      this.unblockUpload();
    }
  }

  /** The request was answered, and the rest of its body does not come. */
  leaveBody(): void {
    this.keepAlive = false;
    this.#over();
  }

  /** The answer cannot be completed. */
  broken(status: number): void {
    if (this.record !== null) this.record.isBroken = true;
    abandonTry(this);
    this.context.wheel.arm(this.timer, Number.POSITIVE_INFINITY);
    account(this, status);
    this.#forget();
    this.client.exchangeBroken();
  }

  /** The client's connection is gone. */
  onClientGone(): void {
    this.context.wheel.remove(this.timer);
    if (this.state === 'idle') return;
    this.context.readClock();
    const { state } = this;
    if (state === 'leasing') this.context.leaseWaits.remove(this);
    if (state === 'following') this.context.cacheWaits.remove(this);
    if (state === 'recalling') this.context.sharedCache.drop((this.cache as CacheUse).recallId);
    abandonTry(this);
    if (state !== 'answered') account(this, CLIENT_ABORTED);
    this.#forget();
  }

  /** The client has taken what was sent. */
  onClientDrain(): void {
    this.context.readClock();
    this.lastByteMs = this.context.nowMs;
    this.upstream?.resume();
  }

  onConnection(connection: UpstreamConnection): void {
    this.context.readClock();
    try {
      send(this, connection);
    } catch (error) {
      this.#onBug(error);
    }
  }

  onUpstreamChunk(chunk: Buffer): void {
    this.context.readClock();
    try {
      onResponseChunk(this, chunk);
    } catch (error) {
      this.#onBug(error);
    }
  }

  onUpstreamDrain(): void {
    if (!this.uploadBlocked) return;
    this.context.readClock();
    this.lastBodyMs = this.lastByteMs = this.context.nowMs;
    this.unblockUpload();
  }

  onUpstreamClosed(connection: UpstreamConnection, error: Error | undefined): void {
    this.upstream = null;
    this.context.readClock();
    try {
      onTryClosed(this, connection, error);
    } catch (bug) {
      this.#onBug(bug);
    }
  }

  onTimer(): void {
    this.context.readClock();
    try {
      onTryTimer(this, this.context.nowMs);
    } catch (error) {
      this.#onBug(error);
    }
  }

  /** A request is not to end the thread that carries thousands of others. */
  #onBug(error: unknown): void {
    this.context.hooks.onBug(error);
    this.client.destroy();
  }

  /** The phases from one on, until one answers, sends the request on its way, or waits. */
  #decide(from: number): void {
    let i = from;
    while (i < REQUEST_PHASES.length && !(REQUEST_PHASES[i] as (typeof REQUEST_PHASES)[number])(this)) i++;
    this.#phase = i;
  }

  #reset(head: RequestHead): void {
    const { shared } = this.context;
    this.state = 'deciding';
    this.head = head;
    this.listener = this.client.listener;
    this.context.readClock();
    this.startedUs = this.context.nowUs;
    this.routed = false;
    this.serviceSlot = NO_SLOT;
    this.caller = null;
    this.corsLines = '' as FieldText;
    this.rateLimit = '';
    this.rateLimitPolicy = '';
    this.charges.clear();
    this.limitAt = 0;
    this.leaseDeadlineMs = 0;
    this.leaseWaited = false;
    this.retries = 0;
    this.failedSlot = -1;
    this.replaced = false;
    this.continueDue = false;
    this.uploadBlocked = false;
    shared.columns.process.add(ACTIVE_REQUESTS, 1);
  }

  #refuseBody(refusal: Refusal): void {
    if (this.state === 'responding') {
      this.broken(400);
    } else if (this.state === 'answered') {
      this.#over();
    } else {
      abandonTry(this);
      answerProblem(this, 'bad_request', refusal.detail);
    }
  }

  #refuseSize(): void {
    if (this.state === 'responding') {
      this.broken(413);
    } else {
      abandonTry(this);
      answerProblem(this, 'body_too_large');
    }
  }

  #over(): void {
    const keepAlive = this.keepAlive && this.body.refusal === null;
    this.#forget();
    this.client.exchangeFinished(keepAlive);
  }

  /** Lets go of what belonged to the request. */
  #forget(): void {
    this.state = 'idle';
    this.head = NO_HEAD;
    this.headText = '';
    this.#chunk = null;
    if (this.replay.length > 0) this.replay.length = 0;
    if (this.mirrorCopy !== null) dropCopy(this);
    if (this.rehearsal !== null) dropRehearsal(this);
    if (this.cache !== null) {
      endFill(this, this.cache);
      this.cache = null;
    }
    if (this.wholeBody !== null) {
      this.wholeBody.release();
      this.wholeBody = null;
    }
    if (this.wholeAnswer === null) return;
    this.wholeAnswer.release();
    this.wholeAnswer = null;
    this.answerHead = null;
  }
}
