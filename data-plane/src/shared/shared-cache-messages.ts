/** What workers ask of the cache that nodes share, which the main thread has a connection to. `key` and `epoch` are opaque. */
export type SharedCacheCall =
  | RecallCall
  | KeepCall
  /** Cells were counted up: Redis is to be told, for the other nodes. Answered by `forgetting`, after which more may be told. */
  | { readonly type: 'forget'; readonly cells: readonly number[] }
  /** What was under this key is none of ours, or damaged. */
  | { readonly type: 'damaged'; readonly key: string };

/** Is there an answer? Answered by `recalled`. */
export interface RecallCall {
  readonly type: 'recall';
  readonly id: number;
  readonly key: string;
  /** All that it may be forgotten by. */
  readonly cells: readonly number[];
  /** The largest that is of use. */
  readonly mostBytes: number;
}

/** Here is an answer for all nodes. Answered by `kept`, whatever became of it. */
export interface KeepCall {
  readonly type: 'keep';
  readonly id: number;
  readonly key: string;
  readonly cells: readonly number[];
  /** As the `recalled` before it was fetched said. */
  readonly epoch: string;
  /** For how long it is of use. */
  readonly forMs: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type SharedCacheReply =
  | RecalledReply
  | { readonly type: 'kept'; readonly id: number }
  | { readonly type: 'forgetting' };

export interface RecalledReply {
  readonly type: 'recalled';
  readonly id: number;
  /** By which what is fetched now can be kept: it is refused once something of its cells was forgotten since. Empty: it cannot. */
  readonly epoch: string;
  /** The store's clock, milliseconds since 1970. */
  readonly storeMs: number;
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
}
