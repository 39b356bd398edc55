import type { StoreMethod } from './forward-queries.ts';
import type { Notice } from './store.ts';

/** To the thread of the database. */
export type ToThread =
  | { readonly kind: 'call'; readonly id: number; readonly method: StoreMethod; readonly args: readonly unknown[] }
  | { readonly kind: 'close' };

/** From the thread of the database. Each call gets one `answer` or one `failure`. */
export type FromThread =
  | { readonly kind: 'open' }
  | { readonly kind: 'startFailure'; readonly message: string; readonly remedy: string }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | {
      readonly kind: 'failure';
      readonly id: number;
      readonly message: string;
      readonly unavailable?: 'none' | 'unknown';
    }
  | { readonly kind: 'wake'; readonly notice: Notice | undefined };

/** What the thread is started with. */
export type ThreadSettings = DatabaseSettings & {
  /** Whether to migrate first, and to begin the first history. */
  readonly prepare: boolean;
  /** Directory that the main thread keeps compiled modules in; undefined where it keeps none. */
  readonly compileCache: string | undefined;
};

export type DatabaseSettings =
  | {
      readonly kind: 'embedded';
      /** The directory of the database itself. */
      readonly directory: string;
    }
  | {
      readonly kind: 'postgres';
      readonly url: string;
      /** Connections at most, apart from one for notifications. */
      readonly connections: number;
      /** Longest that one call takes; then its connection is given up. */
      readonly callTimeoutMs: number;
    };
