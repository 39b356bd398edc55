import { durationMs, type Timestamp, timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { type Node, NodeState } from '@sluice/proto';

/**
 * From when on a node that is not connected believes no credential (`--max-staleness`): about, as it was confirmed by the last heartbeat
 * before it was gone. Undefined: it is connected, or has no bound.
 */
export function credentialsRefusedFrom({ state, maxStaleness, lastSeenAt }: Node): Timestamp | undefined {
  if (state !== NodeState.DISCONNECTED || maxStaleness === undefined || lastSeenAt === undefined) return undefined;
  return timestampFromMs(timestampMs(lastSeenAt) + durationMs(maxStaleness));
}
