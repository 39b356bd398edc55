import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { decodeResource, isKind, type ResourceKey } from '@sluice/engine';
import {
  type Resource,
  type RollbackRequest,
  RollbackRequestSchema,
  type RollbackResponse,
  RollbackResponseSchema,
} from '@sluice/proto';
import type { ControlState } from '../state/control-state.ts';
import type { ControlContext } from './context.ts';
import { describeProblem } from './describe-change.ts';
import { makeChange, type Plan } from './make-change.ts';
import { done, type Outcome, refused } from './outcome.ts';

/** Makes a new revision whose config is that of an older one. Facts stay as they are. */
export async function rollBack(
  context: ControlContext,
  request: RollbackRequest,
  author: string,
): Promise<Outcome<RollbackResponse>> {
  const target = Number(request.revision);
  return makeChange(context, {
    action: 'rollback',
    author,
    message: request.message,
    expectedRevision: request.expectedRevision,
    force: request.force,
    strict: false,
    dryRun: request.dryRun,
    rollbackOf: target,
    secrets: [],
    idempotencyKey: request.idempotencyKey,
    hashRequest: () => context.seal.hashRequest('rollback', toBinary(RollbackRequestSchema, request)),
    plan: (state) => planRollback(state, target),
    respond: ({ revision, historyId, changes, warnings }) =>
      create(RollbackResponseSchema, {
        revision: BigInt(revision),
        historyId,
        changes: [...changes],
        warnings: warnings.map(describeProblem),
      }),
    encode: (response) => toBinary(RollbackResponseSchema, response),
    decode: (bytes) => fromBinary(RollbackResponseSchema, bytes),
  });
}

/** What changed since goes back; what did not is not looked at. Secrets are never removed, so every fingerprint still stands for one. */
async function planRollback(state: ControlState, target: number): Promise<Outcome<Plan>> {
  const { revision } = state.config;
  if (target > revision) {
    return refused({ kind: 'notFound', message: `there is no revision ${target}: the current one is ${revision}` });
  }
  const since = await state.ask((store) => store.readChanges('config', target, revision, Number.MAX_SAFE_INTEGER));
  const upserts: Resource[] = [];
  const removals: ResourceKey[] = [];
  for (const { kind, name, before } of since ?? []) {
    if (before?.content !== undefined) upserts.push(decodeResource(before.content));
    else if (isKind(kind)) removals.push(`${kind}/${name}`);
  }
  return done({ upserts, removals });
}
