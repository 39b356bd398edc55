/** What the store says to a question. */
export interface Recalled {
  /** Empty: nothing can be kept now. */
  readonly epoch: string;
  /** A copy of its own. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
  /** Milliseconds since 1970, by the store's clock. */
  readonly storeMs: number;
  /** Something was there that is no answer, and was removed. */
  readonly wasDamaged: boolean;
}

export interface Keeping {
  readonly key: string;
  readonly cells: readonly number[];
  readonly epoch: string;
  readonly forMs: number;
  readonly bytes: Uint8Array;
}

/** Where nodes share answers. Its calls are carried out in their order; they reject when it is away, or its answer is none. */
export interface AnswerStore {
  readonly isConnected: boolean;
  /** Called when a connection is there, and when it is gone. */
  onChange: () => void;
  recall(key: string, cells: readonly number[], mostBytes: number): Promise<Recalled>;
  /** False: something of its cells was forgotten since the epoch. */
  keep(keeping: Keeping): Promise<boolean>;
  /** Nothing that was fetched before counts any longer. */
  forget(cells: readonly number[]): Promise<void>;
  remove(key: string): Promise<void>;
  ping(): Promise<void>;
  close(): void;
}
