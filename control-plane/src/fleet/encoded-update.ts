import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  type ItemSchema,
  type ItemSecretSchema,
  type Track,
  UpdateSchema,
  type WatchResponse,
  WatchResponseSchema,
} from '@sluice/proto';
import type { TrackDelta, TrackItem, TrackPosition, TrackSnapshot } from '../state/track-state.ts';

/** An update, encoded once and sent to any number of nodes. */
export interface EncodedUpdate extends TrackPosition {
  readonly snapshot: boolean;
  /** The digest of where a delta starts, for the node's group. */
  readonly fromDigest?: Uint8Array;
  /** To be sent in order, one at least; the node activates after the last. */
  readonly parts: readonly WatchResponse[];
  readonly sizeBytes: number;
}

/** Opens the secrets that an item names. Undefined: it names none. */
export type OpenSecrets = (item: TrackItem) => Promise<ItemSecretInit[]> | undefined;
type ItemSecretInit = MessageInitShape<typeof ItemSecretSchema>;

/** A part of an update ends with the item that brings it to this size. */
const PART_BYTES = 256 * 1024;

/** A part of an update names so many that are gone. */
const PART_REMOVALS = 4096;

/** What every update of a track says about itself. */
export interface UpdateOrigin {
  readonly track: Track;
  readonly historyId: string;
}

/** Whether a response carries a part of an update, which is in it as bytes. */
export function isUpdate({ message, $unknown = [] }: WatchResponse): boolean {
  return message.case === undefined && $unknown.length > 0;
}

/** `sizeBytes` tells when a snapshot is the better choice. */
export async function encodeDelta(
  origin: UpdateOrigin,
  delta: TrackDelta,
  openSecrets: OpenSecrets,
): Promise<EncodedUpdate> {
  const { fromDigest, fromRevision, forced } = delta;
  const header = { ...describe(origin, delta), fromRevision: BigInt(fromRevision), forced };
  const parts = await encodeParts(header, delta.upserts, delta.removals, openSecrets);
  return { ...positionOf(delta), fromDigest, snapshot: false, ...parts };
}

export async function encodeSnapshot(
  origin: UpdateOrigin,
  snapshot: TrackSnapshot,
  forced: boolean,
  openSecrets: OpenSecrets,
): Promise<EncodedUpdate> {
  const header = { ...describe(origin, snapshot), snapshot: true, forced };
  const parts = await encodeParts(header, snapshot.items, [], openSecrets);
  return { ...positionOf(snapshot), snapshot: true, ...parts };
}

/** Cuts an update into parts of about `PART_BYTES`, removals first, and lets other work run between them. */
async function encodeParts(
  header: ReturnType<typeof describe> & { snapshot?: boolean; forced: boolean; fromRevision?: bigint },
  items: readonly TrackItem[],
  removals: TrackDelta['removals'],
  openSecrets: OpenSecrets,
): Promise<Pick<EncodedUpdate, 'parts' | 'sizeBytes'>> {
  const parts: WatchResponse[] = [];
  let sizeBytes = 0;
  const upserts = splitItems(items);
  const gone = splitRemovals(removals);
  const count = Math.max(upserts.length, gone.length);
  for (let index = 0; index < count; index++) {
    const message = encodePart({
      ...header,
      upserts: await toItems(upserts[index] ?? [], openSecrets),
      removals: gone[index] ?? [],
      more: index + 1 < count,
    });
    parts.push(message.response);
    sizeBytes += message.sizeBytes;
    if (count > 1) await yieldToOthers();
  }
  return { parts, sizeBytes };
}

function describe({ track, historyId }: UpdateOrigin, at: TrackPosition & { createdAt: Date }) {
  const { revision, digest, createdAt } = at;
  return { track, historyId, revision: BigInt(revision), digest, createdAt: timestampFromDate(createdAt) };
}

function positionOf({ revision, digest }: TrackPosition): TrackPosition {
  return { revision, digest };
}

async function toItems(
  items: readonly TrackItem[],
  openSecrets: OpenSecrets,
): Promise<MessageInitShape<typeof ItemSchema>[]> {
  const encoded: MessageInitShape<typeof ItemSchema>[] = [];
  for (const item of items) {
    const { kind, name, content } = item;
    const opening = openSecrets(item);
    encoded.push(opening === undefined ? { kind, name, content } : { kind, name, content, secrets: await opening });
  }
  return encoded;
}

/** At least one chunk, so that an empty snapshot is sent too. */
function splitItems(items: readonly TrackItem[]): TrackItem[][] {
  let chunk: TrackItem[] = [];
  let chunkBytes = 0;
  const chunks = [chunk];
  for (const item of items) {
    if (chunkBytes >= PART_BYTES) {
      chunk = [];
      chunks.push(chunk);
      chunkBytes = 0;
    }
    chunk.push(item);
    chunkBytes += item.content.length + item.name.length + item.kind.length + 16;
  }
  return chunks;
}

function splitRemovals(removals: TrackDelta['removals']): TrackDelta['removals'][number][][] {
  const chunks: TrackDelta['removals'][number][][] = [];
  for (let from = 0; from < removals.length; from += PART_REMOVALS)
    chunks.push(removals.slice(from, from + PART_REMOVALS));
  return chunks;
}

/**
 * A response whose update is already encoded: protobuf-es writes the unknown fields of a message as they are, so that
 * serializing it for one more node is a copy and not an encoding.
 */
function encodePart(update: MessageInitShape<typeof UpdateSchema>): { response: WatchResponse; sizeBytes: number } {
  const data = new BinaryWriter().bytes(toBinary(UpdateSchema, create(UpdateSchema, update))).finish();
  const response = create(WatchResponseSchema);
  response.$unknown = [{ no: WatchResponseSchema.field.update.number, wireType: WireType.LengthDelimited, data }];
  return { response, sizeBytes: data.length };
}
