import type { Track, Update } from '@sluice/proto';
import type { WholeUpdate } from './track.ts';

/** A snapshot larger than this is refused. */
const MAX_SNAPSHOT_BYTES = 1024 * 1024 * 1024;

/** Puts the parts of updates together: on each track one update is under way at a time. */
export class UpdateAssembly {
  readonly #parts = new Map<Track, Update[]>();
  #bytes = 0;

  /** The update that this part completes; undefined where more parts follow. */
  add(part: Update): WholeUpdate | 'too large' | undefined {
    const parts = this.#parts.get(part.track) ?? [];
    parts.push(part);
    this.#bytes += part.upserts.reduce((sum, { content }) => sum + content.length, 0);
    if (this.#bytes > MAX_SNAPSHOT_BYTES) return 'too large';
    if (part.more) {
      this.#parts.set(part.track, parts);
      return undefined;
    }
    this.#parts.delete(part.track);
    if (this.#parts.size === 0) this.#bytes = 0;
    return join(parts);
  }
}

function join(parts: readonly Update[]): WholeUpdate {
  const last = parts.at(-1)!;
  return {
    track: last.track,
    historyId: last.historyId,
    fromRevision: Number(last.fromRevision),
    revision: Number(last.revision),
    digest: last.digest,
    upserts: parts.flatMap(({ upserts }) => upserts),
    removals: parts.flatMap(({ removals }) => removals),
    snapshot: last.snapshot,
    forced: last.forced,
    createdAtMs: last.createdAt === undefined ? 0 : Number(last.createdAt.seconds) * 1000 + last.createdAt.nanos / 1e6,
  };
}
