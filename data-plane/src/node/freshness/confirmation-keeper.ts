import type { CachedState } from '../cache/cached-state.ts';
import type { Confirmation, ConfirmationFile } from './confirmation-file.ts';
import { elapsedMs, type Moment, readMoment, UNKNOWN_AGE_MS } from './moment.ts';

/** At least and at most between two writes while the control plane goes on confirming. */
const LEAST_MS = 1_000;
const MOST_MS = 60_000;
/** A node that is killed looks older by so much of what it may be, at most. */
const SHARE = 20;

/** Keeps on disk when what the node has was confirmed last: now and then, and at once where nobody is there to confirm it any longer. */
export class ConfirmationKeeper {
  readonly #file: ConfirmationFile;
  readonly #everyMs: number;
  readonly #latest: () => Omit<Confirmation, 'at'> & { readonly ageMs: number };
  readonly #steadyMs: () => number;
  #isOpen = false;
  #unwritten: Confirmation | undefined;
  #writtenMs = Number.NEGATIVE_INFINITY;

  /** @param latest what is active, and how long ago it was confirmed */
  constructor(
    file: ConfirmationFile,
    maxStalenessMs: number | undefined,
    latest: () => Omit<Confirmation, 'at'> & { readonly ageMs: number },
    steadyMs: () => number,
  ) {
    this.#file = file;
    this.#everyMs = Math.min(Math.max((maxStalenessMs ?? Number.POSITIVE_INFINITY) / SHARE, LEAST_MS), MOST_MS);
    this.#latest = latest;
    this.#steadyMs = steadyMs;
  }

  /** The directory is this process's alone from now on: before, nothing is written. */
  open(): void {
    this.#isOpen = true;
    this.flush();
  }

  confirmed(): void {
    const { ageMs, ...rest } = this.#latest();
    const { wallMs, uptimeMs, bootId } = readMoment();
    this.#unwritten = { ...rest, at: { wallMs: wallMs - ageMs, uptimeMs: uptimeMs - ageMs, bootId } };
    if (this.#steadyMs() - this.#writtenMs >= this.#everyMs) this.flush();
  }

  /** Writes what is not on disk yet: nobody is there to confirm anything newer. */
  flush(): void {
    if (!this.#isOpen || this.#unwritten === undefined) return;
    this.#file.write(this.#unwritten);
    this.#unwritten = undefined;
    this.#writtenMs = this.#steadyMs();
  }

  async close(): Promise<void> {
    this.flush();
    await this.#file.close();
  }
}

/**
 * How long ago what was restored was confirmed, at most. A confirmation of something that is not on disk says nothing of what is; the
 * node then goes by when that was made.
 */
export function restoredAgeMs(
  { historyId, config, facts }: CachedState,
  confirmation: Confirmation | undefined,
  now: Moment = readMoment(),
): number {
  if (
    confirmation?.historyId === historyId &&
    confirmation.revision <= config.revision &&
    confirmation.factsVersion <= facts.revision
  )
    return elapsedMs(confirmation.at, now);
  // Facts that there never were are of no time.
  const wallMs = facts.revision === 0 ? config.createdAtMs : Math.min(config.createdAtMs, facts.createdAtMs);
  return wallMs <= now.wallMs ? Math.min(now.wallMs - wallMs, UNKNOWN_AGE_MS) : UNKNOWN_AGE_MS;
}
