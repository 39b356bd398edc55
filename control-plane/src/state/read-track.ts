import type { RevisionWithVersions, Store, VersionRecord } from '../store/store.ts';
import { Turns } from './take-turns.ts';
import type { Track } from './track.ts';

/** Asks the store. Rejects with StoreUnavailable while the database is away. */
export type Ask = <T>(question: (store: Store) => Promise<T>) => Promise<T>;

/** Items in a page while loading, and in a batch of revisions while following. */
const ITEMS_AT_ONCE = 500;

/**
 * A track like this one with what is stored: what is current at revision `start`, page by page, then what was written meanwhile.
 * @throws Error where revisions are missing, or what was read does not have the digest that it was stored with
 */
export async function loadTrack<T extends Track>(track: T, start: number, ask: Ask, now: Date): Promise<T> {
  const fresh = track.empty() as T;
  const record = start === 0 ? undefined : await ask((store) => store.getRevision(track.name, start));
  const createdAt = record?.createdAt ?? now;
  const turns = new Turns();
  const loaded: VersionRecord[] = [];
  for (;;) {
    const page = await ask((store) => store.readCurrent(track.name, loaded.at(-1), ITEMS_AT_ONCE));
    loaded.push(...page);
    fresh.load(page, start, createdAt);
    await turns.next();
    if (page.length < ITEMS_AT_ONCE) break;
  }
  await fresh.indexVersions(loaded);
  const end = (await ask((store) => store.head()))[track.name];
  for await (const later of revisionsTo(end, fresh, ask)) await appendRecord(fresh, later);
  const last = await ask((store) => store.getRevision(track.name, fresh.revision));
  if (last !== undefined && Buffer.compare(last.digest, fresh.digest()) !== 0) {
    throw new Error(describeDamage(track, last.revision));
  }
  return fresh;
}

/** Takes all revisions up to this one. @throws Error where one is missing, or damaged: those before it were taken */
export async function followTrack(track: Track, revision: number, ask: Ask): Promise<void> {
  for await (const record of revisionsTo(revision, track, ask)) await followRecord(track, record);
}

/** The revisions after the track's own, which moves on as they are taken. */
async function* revisionsTo(end: number, track: Track, ask: Ask): AsyncGenerator<RevisionWithVersions> {
  while (track.revision < end) {
    const batch = await ask((store) => store.readSince(track.name, track.revision, ITEMS_AT_ONCE));
    if (batch.length === 0) throw new Error(`${track.name} revision ${track.revision + 1} is missing`);
    yield* batch;
  }
}

/** Takes the revision after the track's own. @throws Error where it does not lead to the digest that it was stored with */
export async function followRecord(track: Track, record: RevisionWithVersions): Promise<void> {
  const digest = track.digestAfter(track.changesOf(record.versions));
  if (Buffer.compare(digest, record.digest) !== 0) throw new Error(describeDamage(track, record.revision));
  await appendRecord(track, record);
}

async function appendRecord(track: Track, record: RevisionWithVersions): Promise<void> {
  await track.indexVersions(record.versions);
  track.append(record.revision, record.createdAt, track.changesOf(record.versions));
}

function describeDamage(track: Track, revision: number): string {
  return `${track.name} revision ${revision} does not have the digest it was stored with`;
}
