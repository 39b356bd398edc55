import type { Problem } from '@sluice/engine';

/** What an operation of the control plane came to. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

/** Why an operation was refused. Nothing was changed, except where `unavailable` says that it may have been. */
export type Failure =
  /** The request is wrong. `problems` may be empty, then the message says it. */
  | { readonly kind: 'invalid'; readonly message: string; readonly problems: readonly Problem[] }
  /** Another change came first. */
  | { readonly kind: 'conflict'; readonly message: string }
  | { readonly kind: 'notFound'; readonly message: string }
  | { readonly kind: 'alreadyExists'; readonly message: string }
  | { readonly kind: 'failedPrecondition'; readonly message: string }
  /** The credential in the request is not accepted. */
  | { readonly kind: 'unauthenticated'; readonly message: string }
  /** There is no room for more of it. */
  | { readonly kind: 'exhausted'; readonly message: string }
  /** The database is away. A retry with the same idempotency key is safe. */
  | { readonly kind: 'unavailable'; readonly message: string; readonly retryAfterMs: number };

export function done<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

export function refused(failure: Failure): { readonly ok: false; readonly failure: Failure } {
  return { ok: false, failure };
}
