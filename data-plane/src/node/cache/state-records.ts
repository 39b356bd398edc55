import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import type { TrackItem } from '@sluice/engine';
import { UpdateSchema } from '@sluice/proto';
import { API_KEY_KIND, type PinnedKeys } from '../../shared/index.ts';
import type { NodeTrack, WholeUpdate } from '../track.ts';
import type { RecordInit } from './record-frame.ts';

/** Items in one record: few enough that encoding one stalls nothing. */
const ITEMS_PER_RECORD = 256;
const REMOVALS_PER_RECORD = 1024;

/**
 * All of a track as snapshot records. What it holds is taken at the call; encoding follows as the records are read.
 * @param keys of its API keys
 */
export function trackRecords(track: NodeTrack, historyId: string, keys?: PinnedKeys): Iterable<RecordInit> {
  const items = [...track.set.latestItems()];
  const lastGood = track.lastGoodItems();
  const { wire, revision, createdAtMs } = track;
  const digest = track.digest();
  return {
    *[Symbol.iterator]() {
      const position = { track: wire, historyId, revision: BigInt(revision), digest, snapshot: true };
      const createdAt = timestamp(createdAtMs);
      if (keys !== undefined) yield* keyRecords(keys, { ...position, createdAt });
      for (const { upserts, more } of inParts(items, keys?.heldItems() ?? [])) {
        yield { case: 'update', value: { ...position, upserts, more, createdAt } } satisfies RecordInit;
      }
      yield lastGoodRecord(track, lastGood);
    },
  };
}

/** At least one. */
function* inParts(...lists: readonly Iterable<TrackItem>[]): Generator<{ upserts: TrackItem[]; more: boolean }> {
  let upserts: TrackItem[] = [];
  for (const list of lists) {
    for (const item of list) {
      if (upserts.length === ITEMS_PER_RECORD) {
        yield { upserts, more: true };
        upserts = [];
      }
      upserts.push(item);
    }
  }
  yield { upserts, more: false };
}

/**
 * A change as records of the log. It is one from the first of its parts to the last record: without that, none of them counts.
 * @param keys what it puts of API keys; the parts are read from them
 */
export function updateRecords(
  update: WholeUpdate,
  keys?: PinnedKeys,
): { readonly parts: Iterable<RecordInit>; readonly last: RecordInit } {
  const { track, historyId, fromRevision, revision, digest, upserts, removals, createdAtMs } = update;
  const position = {
    ...{ track, historyId, fromRevision: BigInt(fromRevision), revision: BigInt(revision), digest },
    createdAt: timestamp(createdAtMs),
  };
  const removed = [...(update.keys?.removals ?? [])];
  return {
    parts: {
      *[Symbol.iterator]() {
        for (let from = 0; from < removed.length; from += REMOVALS_PER_RECORD) {
          const names = removed.slice(from, from + REMOVALS_PER_RECORD);
          const value = { ...position, removals: names.map((name) => ({ kind: API_KEY_KIND, name })), more: true };
          yield { case: 'update', value } satisfies RecordInit;
        }
        if (keys !== undefined) yield* keyRecords(keys, position);
      },
    },
    last: {
      case: 'update',
      value: { ...position, upserts: [...upserts, ...(keys?.heldItems() ?? [])], removals: [...removals] },
    },
  };
}

/** Parts of an update, with API keys that this node can build. */
function* keyRecords(keys: PinnedKeys, position: MessageInitShape<typeof UpdateSchema>): Generator<RecordInit> {
  for (const data of keys.encoded(ITEMS_PER_RECORD)) {
    const value = create(UpdateSchema, { ...position, more: true });
    // Items that are encoded already: protobuf-es writes the unknown fields of a message as they are.
    value.$unknown = [{ no: UpdateSchema.field.upserts.number, wireType: WireType.LengthDelimited, data }];
    yield { case: 'update', value };
  }
}

export function lastGoodRecord(track: NodeTrack, items: readonly TrackItem[]): RecordInit {
  return {
    case: 'lastGood',
    value: { track: track.wire, items: [...items], activeSince: timestamp(track.activeSinceMs) },
  };
}

function timestamp(ms: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: Math.round((ms % 1000) * 1e6) };
}
