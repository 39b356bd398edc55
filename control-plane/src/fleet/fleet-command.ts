import { create, createRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AnySchema, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import {
  type AdoptNodeRequest,
  AdoptNodeRequestSchema,
  type PurgeCacheCommand,
  PurgeCacheCommandSchema,
  type PurgeCacheRequest,
  PurgeCacheRequestSchema,
  type ResetBreakerCommand,
  ResetBreakerCommandSchema,
  type ResetBreakerRequest,
  ResetBreakerRequestSchema,
} from '@sluice/proto';
import type { NodeSession } from './node-session.ts';

/** What the fleet can be told to do with a node: the request of the operator. Which node is meant is not read from it. */
export type FleetCommand = AdoptNodeRequest | ResetBreakerRequest | PurgeCacheRequest;

/** Does it with a node that is connected here. Resolves to why it was not done; empty: it was. */
export async function carryOut(command: FleetCommand, session: NodeSession, timeoutMs: number): Promise<string> {
  switch (command.$typeName) {
    case 'sluice.admin.v1.AdoptNodeRequest':
      return session.adopt() ? '' : 'it neither diverged nor refuses an update';
    case 'sluice.admin.v1.ResetBreakerRequest':
      return session.command({ case: 'resetBreaker', value: resetOf(command) }, timeoutMs);
    case 'sluice.admin.v1.PurgeCacheRequest':
      return session.command({ case: 'purgeCache', value: purgeOf(command) }, timeoutMs);
    default:
      return command satisfies never;
  }
}

/** For other replicas, which may be of another version: the bytes say what they are. */
export function encodeFleetCommand(command: FleetCommand): Uint8Array {
  return toBinary(AnySchema, packed(command));
}

/** Undefined: this version does not know it. */
export function decodeFleetCommand(bytes: Uint8Array): FleetCommand | undefined {
  try {
    return anyUnpack(fromBinary(AnySchema, bytes), registry) as FleetCommand | undefined;
  } catch {
    return undefined;
  }
}

function resetOf({ service }: ResetBreakerRequest): ResetBreakerCommand {
  return create(ResetBreakerCommandSchema, { service });
}

function purgeOf({ answers }: PurgeCacheRequest): PurgeCacheCommand {
  return create(PurgeCacheCommandSchema, { answers });
}

const registry = createRegistry(AdoptNodeRequestSchema, ResetBreakerRequestSchema, PurgeCacheRequestSchema);

function packed(command: FleetCommand) {
  switch (command.$typeName) {
    case 'sluice.admin.v1.AdoptNodeRequest':
      return anyPack(AdoptNodeRequestSchema, command);
    case 'sluice.admin.v1.ResetBreakerRequest':
      return anyPack(ResetBreakerRequestSchema, command);
    case 'sluice.admin.v1.PurgeCacheRequest':
      return anyPack(PurgeCacheRequestSchema, command);
    default:
      return command satisfies never;
  }
}
