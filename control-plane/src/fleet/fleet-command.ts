import { create, createRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AnySchema, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import {
  type AdoptNodeRequest,
  AdoptNodeRequestSchema,
  type CheckServicesCommand,
  CheckServicesCommandSchema,
  type CheckServicesRequest,
  CheckServicesRequestSchema,
  type PurgeCacheCommand,
  PurgeCacheCommandSchema,
  type PurgeCacheRequest,
  PurgeCacheRequestSchema,
  type ResetBreakerCommand,
  ResetBreakerCommandSchema,
  type ResetBreakerRequest,
  ResetBreakerRequestSchema,
} from '@sluice/proto';
import type { CommandReply } from './command-queue.ts';
import type { NodeSession } from './node-session.ts';

/** What the fleet can be told to do with a node: the request of the operator. Which node is meant is not read from it. */
export type FleetCommand = AdoptNodeRequest | ResetBreakerRequest | PurgeCacheRequest | CheckServicesRequest;

/** Does it with a node that is connected here. */
export async function carryOut(command: FleetCommand, session: NodeSession, timeoutMs: number): Promise<CommandReply> {
  switch (command.$typeName) {
    case 'sluice.admin.v1.AdoptNodeRequest':
      return { problem: session.adopt() ? '' : 'it neither diverged nor refuses an update' };
    case 'sluice.admin.v1.ResetBreakerRequest':
      return session.command({ case: 'resetBreaker', value: resetOf(command) }, timeoutMs);
    case 'sluice.admin.v1.PurgeCacheRequest':
      return session.command({ case: 'purgeCache', value: purgeOf(command) }, timeoutMs);
    case 'sluice.admin.v1.CheckServicesRequest':
      return session.command({ case: 'checkServices', value: checkOf(command) }, timeoutMs);
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

function checkOf({ service }: CheckServicesRequest): CheckServicesCommand {
  return create(CheckServicesCommandSchema, { service });
}

const registry = createRegistry(
  AdoptNodeRequestSchema,
  ResetBreakerRequestSchema,
  PurgeCacheRequestSchema,
  CheckServicesRequestSchema,
);

function packed(command: FleetCommand) {
  switch (command.$typeName) {
    case 'sluice.admin.v1.AdoptNodeRequest':
      return anyPack(AdoptNodeRequestSchema, command);
    case 'sluice.admin.v1.ResetBreakerRequest':
      return anyPack(ResetBreakerRequestSchema, command);
    case 'sluice.admin.v1.PurgeCacheRequest':
      return anyPack(PurgeCacheRequestSchema, command);
    case 'sluice.admin.v1.CheckServicesRequest':
      return anyPack(CheckServicesRequestSchema, command);
    default:
      return command satisfies never;
  }
}
