import type { SharedCacheCall, SharedCacheReply, SharedRegion } from '../shared/index.ts';

/**
 * What the main thread and a worker tell each other. Nothing is sent per request, but of those that ask Redis for what their node has not.
 * The main thread starts a worker with
 * `WorkerStart` as its workerData, waits for `ready`, then sends the changes it is to start with, one at a time, and only after
 * they are staged (and, for a successor, active) the listeners to bind, so that no request finds an older configuration.
 */
export interface WorkerStart {
  /** The worker's seat: its column in shared memory. */
  readonly index: number;
  readonly region: SharedRegion;
  readonly group: string;
  readonly zone: string;
  /** Somebody takes the spans of traced requests. */
  readonly recordsSpans: boolean;
  /** The listeners that the node was started with; the configuration may say more about them and add others. */
  readonly listeners: readonly ListenerAddress[];
  /** Where compiled code is kept between starts. Unset: nowhere. */
  readonly compileCache?: string | undefined;
}

export interface ListenerAddress {
  readonly name: string;
  /** Without brackets where it is an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

export type ToWorker =
  | StageMessage
  | BindMessage
  | UnbindMessage
  | KeysSettledMessage
  | SharedCacheMessage
  | DrainMessage
  | CloseMessage
  | CrashMessage;

/**
 * Build a change and keep it until the active generation reaches `generation`; answered by `staged`. Generations grow by one from
 * message to message of the main thread; a successor's first one is a whole snapshot at whatever number is active.
 */
export interface StageMessage {
  readonly type: 'stage';
  readonly generation: number;
  /** What `packChange` made: one buffer for all workers. */
  readonly packed: SharedArrayBuffer;
}

/** Listen, shared with the other workers (reusePort, unless `exclusive`); answered by `bound` or `bindFailed`. */
export interface BindMessage {
  readonly type: 'bind';
  readonly listener: string;
  readonly host: string;
  /** Never 0 where more than one worker is to share it. */
  readonly port: number;
  /** The platform has no reusePort, or nobody else may listen there. Unset: shared. */
  readonly exclusive?: boolean;
}

/** Accept no more on this listener; its connections end after the request they are in, at the latest in `deadlineMs`. */
interface UnbindMessage {
  readonly type: 'unbind';
  readonly listener: string;
  readonly deadlineMs: number;
}

/**
 * The answer to `keysWanted`, and told to all: what can be known of an issuer's keys is active. Asking again is of no use before
 * `againInMs`.
 */
export interface KeysSettledMessage {
  readonly type: 'keysSettled';
  readonly issuer: string;
  readonly againInMs: number;
}

/** The answer to a call of the worker. */
interface SharedCacheMessage {
  readonly type: 'sharedCache';
  readonly reply: SharedCacheReply;
}

/**
 * Accept no more, finish what runs, wait a while for the requests of idle connections, then close them; what still runs after
 * `deadlineMs` is cut. Answered by `drained`.
 */
interface DrainMessage {
  readonly type: 'drain';
  readonly deadlineMs: number;
}

/** Leave at once. The thread ends by itself. */
interface CloseMessage {
  readonly type: 'close';
}

/** Only where SLUICE_FAULTS is set: throw out of the event loop, as a bug would. */
interface CrashMessage {
  readonly type: 'crash';
}

export type FromWorker =
  /** The thread runs and takes messages. */
  | { readonly type: 'ready' }
  /** With `error`: nothing of it will be committed. */
  | { readonly type: 'staged'; readonly generation: number; readonly error?: string }
  | { readonly type: 'bound'; readonly listener: string; readonly port: number }
  /** `code` is the system's, such as EADDRINUSE. */
  | { readonly type: 'bindFailed'; readonly listener: string; readonly code: string; readonly message: string }
  /** A token names a key that is not among those of its issuer, which are fetched. */
  | { readonly type: 'keysWanted'; readonly issuer: string }
  /** What requests that would else go to their service ask of the cache that nodes share. */
  | { readonly type: 'sharedCache'; readonly call: SharedCacheCall }
  /** The listener's last connection is closed. */
  | { readonly type: 'unbound'; readonly listener: string }
  /** `cut`: requests that did not finish in time. */
  | { readonly type: 'drained'; readonly cut: number };
