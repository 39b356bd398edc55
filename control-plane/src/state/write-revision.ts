import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailable } from '../store/failure.ts';
import type { Append, AppendOutcome, RememberedAnswer, TrackName } from '../store/store.ts';
import type { ControlState } from './control-state.ts';

/** A change that was checked against what is in memory: what to store, and how to take it over once it is stored. */
export interface PreparedWrite {
  readonly write: Omit<Append, 'track' | 'expected' | 'writeId'>;
  /** Changes the memory. Called at most once, right after the commit, before anything else changes it. */
  readonly commit: () => void;
}

export type WriteResult<Refusal> =
  | { readonly kind: 'written' }
  /** A request with the same idempotency key was answered before. Nothing was written. */
  | { readonly kind: 'answered'; readonly answer: RememberedAnswer }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** Others were faster each time. Nothing was written. */
  | { readonly kind: 'overtaken' }
  /** What is stored and what is in memory cannot be brought together. Nothing was written. */
  | { readonly kind: 'faulty'; readonly message: string };

/** How often, and how long, a change is checked anew because another replica was faster. */
const MAX_ATTEMPTS = 100;
const MAX_ATTEMPTS_MS = 5000;
/** How long a commit whose answer was lost is looked for. */
const RESOLVE_MS = 3000;

/**
 * Writes one revision: prepares it against memory, appends it if the database stands where memory does, and else reads what is new and
 * prepares it again. A refusal counts only when memory was current. Rejects with StoreUnavailable, whose `effect` says whether it may have
 * been written all the same.
 */
export async function writeRevision<Refusal>(
  state: ControlState,
  track: TrackName,
  prepare: () => Promise<PreparedWrite | { readonly refusal: Refusal }>,
): Promise<WriteResult<Refusal>> {
  await state.ready;
  return state.exclusive(async () => {
    const end = performance.now() + MAX_ATTEMPTS_MS;
    for (let attempt = 0; attempt < MAX_ATTEMPTS && performance.now() < end; attempt++) {
      if (state.fault !== undefined) return { kind: 'faulty', message: state.fault };
      const prepared = await prepare();
      if ('refusal' in prepared) {
        if (await isCurrent(state)) return { kind: 'refused', refusal: prepared.refusal };
      } else {
        const outcome = await append(state, track, prepared);
        if (outcome.kind === 'appended') return { kind: 'written' };
        if (outcome.kind === 'answered') return outcome;
        if (await takeMissed(state, track, outcome)) continue;
      }
      await state.catchUp();
    }
    return { kind: 'overtaken' };
  });
}

/** Catches up with what the refusal brought along, which is faster than to read it, so that no replica is overtaken forever. */
async function takeMissed(
  state: ControlState,
  track: TrackName,
  { head, missed }: AppendOutcome & { kind: 'behind' },
): Promise<boolean> {
  if (head.historyId !== state.historyId) return false;
  try {
    await state.takeMissed(state[track], missed);
  } catch {
    return false;
  }
  return state[track].revision === head[track];
}

/** Both tracks: a key is refused for want of a consumer. */
async function isCurrent(state: ControlState): Promise<boolean> {
  const head = await state.ask((store) => store.head());
  const { historyId, config, facts } = state;
  return head.historyId === historyId && head.config === config.revision && head.facts === facts.revision;
}

async function append(state: ControlState, name: TrackName, prepared: PreparedWrite): Promise<AppendOutcome> {
  const track = state[name];
  const writeId = randomUUID();
  const expected = { historyId: state.historyId, revision: track.revision };
  try {
    const outcome = await state.ask((store) => store.append({ track: name, expected, writeId, ...prepared.write }));
    if (outcome.kind === 'appended') {
      prepared.commit();
      if (prepared.write.revision !== undefined) track.tell();
    }
    return outcome;
  } catch (error) {
    if (!(error instanceof StoreUnavailable) || error.effect === 'none' || prepared.write.revision === undefined) {
      throw error;
    }
    if (!(await findLostCommit(state, name, writeId, error))) throw new StoreUnavailable(error.message);
    await state.catchUp();
    return { kind: 'appended' };
  }
}

/** Whether a commit whose answer was lost happened. Rejects with the loss itself where the database does not come back in time to tell. */
async function findLostCommit(
  state: ControlState,
  track: TrackName,
  writeId: string,
  loss: StoreUnavailable,
): Promise<boolean> {
  for (const end = performance.now() + RESOLVE_MS; performance.now() < end; await sleep(100)) {
    try {
      return (await state.ask((store) => store.findWrite(track, writeId))) !== undefined;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }
  throw loss;
}
