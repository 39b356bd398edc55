/** What a worker says a cell stands for: the bucket in the store, and what holds while the store is away. */
export interface LeasedKey {
  /** The limit, and a digest of whose bucket it is. */
  readonly key: string;
  readonly algorithm: 'tokenBucket' | 'slidingWindow';
  readonly requests: number;
  readonly perMs: number;
  readonly burst: number;
  /** What one request costs. */
  readonly cost: number;
  readonly failOpen: boolean;
}

export function readLeasedKey(text: string): LeasedKey {
  return JSON.parse(text) as LeasedKey;
}
