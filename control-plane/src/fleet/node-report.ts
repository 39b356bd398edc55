import type { Breaker, HeldResource } from '@sluice/proto';

/** What a node last said of itself. */
export interface NodeReport {
  /** The history of what it has. Empty: it has nothing. */
  readonly historyId: string;
  readonly held: readonly HeldResource[];
  readonly activeSince: Date | undefined;
  readonly persistedRevision: bigint;
  readonly workersReady: number;
  readonly workers: number;
  readonly draining: boolean;
  readonly breakers: readonly Breaker[];
  /** When it last refused an update. */
  readonly refusedAt: Date | undefined;
}
