import { NackReason } from '@sluice/proto';
import type { TrackPosition } from '../state/track-state.ts';
import type { EncodedUpdate } from './encoded-update.ts';
import { isSameDigest, nothingYet } from './position.ts';

/** What is under way for a node on one track. */
export type FeedState =
  /** Nothing: the node has what it was last given. */
  | { readonly kind: 'idle' }
  /** An update is computed and encoded. */
  | { readonly kind: 'preparing'; readonly ticket: number }
  /** Its parts go out. */
  | { readonly kind: 'sending'; readonly update: EncodedUpdate; readonly nextPart: number }
  /** All of it went out and neither Ack nor Nack came. */
  | { readonly kind: 'awaiting'; readonly update: EncodedUpdate; readonly sinceMs: number };

/** An update that the node refused as a whole. */
export interface RefusedUpdate {
  readonly revision: number;
  readonly reason: NackReason;
  readonly detail: string;
}

/** What to make next: updates start from `from`, unless it is a snapshot. */
export interface NextUpdate {
  readonly snapshot: boolean;
  readonly forced: boolean;
  readonly from: number;
}

/**
 * One node's progress on one track. At most one update is under way; whatever happens meanwhile is in the next, which starts
 * from what the node acknowledged: coalescing is not to remember more than that.
 */
export class TrackFeed {
  #state: FeedState = { kind: 'idle' };
  #active: TrackPosition;
  #refused: RefusedUpdate | undefined;
  #needsSnapshot: boolean;
  #forceNext = false;
  #lastTicket = 0;

  constructor(active: TrackPosition) {
    this.#active = active;
    this.#needsSnapshot = active.revision === 0;
  }

  get state(): FeedState {
    return this.#state;
  }

  /** What the node said it has active. */
  get active(): TrackPosition {
    return this.#active;
  }

  /** The last update it refused, while nothing later was accepted. */
  get refused(): RefusedUpdate | undefined {
    return this.#refused;
  }

  /** Whether something is to be made for a track that stands at `revision`, and what; then `prepare` is to be called. */
  next(revision: number): NextUpdate | undefined {
    if (this.#state.kind !== 'idle') return undefined;
    const { revision: from } = this.#active;
    if (this.#forceNext) return { snapshot: true, forced: true, from };
    const mayRepeat = this.#needsSnapshot && from > 0;
    if (revision < from || (revision === from && !mayRepeat)) return undefined;
    if (this.#refused !== undefined && revision <= this.#refused.revision) return undefined;
    return { snapshot: this.#needsSnapshot, forced: false, from };
  }

  /** An update is being made; the ticket goes with it to `prepared`. */
  prepare(): number {
    this.#state = { kind: 'preparing', ticket: ++this.#lastTicket };
    return this.#lastTicket;
  }

  /** The update is there; `undefined`: it could not be made. One that an adoption overtook is dropped. */
  prepared(ticket: number, update: EncodedUpdate | undefined): void {
    if (this.#state.kind !== 'preparing' || this.#state.ticket !== ticket) return;
    this.#state = update === undefined ? { kind: 'idle' } : { kind: 'sending', update, nextPart: 0 };
  }

  /** The next part to send, if there is one. */
  takePart(nowMs: number): EncodedUpdate['parts'][number] | undefined {
    if (this.#state.kind !== 'sending') return undefined;
    const { update, nextPart } = this.#state;
    this.#state =
      nextPart + 1 < update.parts.length
        ? { kind: 'sending', update, nextPart: nextPart + 1 }
        : { kind: 'awaiting', update, sinceMs: nowMs };
    return update.parts[nextPart];
  }

  /** The node has `position` active. False: this is no answer to what it was sent, and nothing changed. */
  ack(position: TrackPosition): boolean {
    if (this.#state.kind !== 'awaiting') return false;
    const { update } = this.#state;
    if (update.revision !== position.revision) return false;
    this.#state = { kind: 'idle' };
    this.#active = position;
    this.#refused = undefined;
    this.#forceNext = false;
    this.#needsSnapshot = !isSameDigest(update.digest, position.digest);
    if (this.#needsSnapshot && update.snapshot) {
      const detail = 'it acknowledged a snapshot with another digest';
      this.#refused = { revision: update.revision, reason: NackReason.DIGEST, detail };
    }
    return true;
  }

  /** The node refused what it was sent and has `position` active. False as for `ack`. */
  nack(position: TrackPosition, revision: number, reason: NackReason, detail: string): boolean {
    if (this.#state.kind !== 'awaiting' || this.#state.update.revision !== revision) return false;
    const { snapshot } = this.#state.update;
    this.#state = { kind: 'idle' };
    this.#active = position;
    this.#forceNext = false;
    const asksForSnapshot = reason === NackReason.DIGEST || reason === NackReason.GAP;
    if (asksForSnapshot) this.#needsSnapshot = true;
    // A snapshot answers a gap or a digest; when it is refused too, only another revision can help.
    if (!asksForSnapshot || snapshot) this.#refused = { revision, reason, detail };
    return true;
  }

  /** Begins again, with a forced snapshot, whatever the node has. */
  adopt(): void {
    this.#state = { kind: 'idle' };
    this.#active = nothingYet;
    this.#refused = undefined;
    this.#needsSnapshot = true;
    this.#forceNext = true;
  }
}
