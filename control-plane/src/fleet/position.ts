import type { Position as WirePosition } from '@sluice/proto';
import type { TrackPosition } from '../state/track-state.ts';

/** Where a node is before it got anything. */
export const nothingYet: TrackPosition = { revision: 0, digest: new Uint8Array(32) };

export function isSameDigest(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** What a node says of a track. An absent position, or one without a digest, is none. */
export function toPosition(wire: WirePosition | undefined): TrackPosition {
  if (wire === undefined || wire.revision === 0n || wire.digest.length !== 32) return nothingYet;
  return { revision: Number(wire.revision), digest: wire.digest };
}
