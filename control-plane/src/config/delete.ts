import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { isKind, type ResourceKey } from '@sluice/engine';
import {
  type DeleteRequest,
  DeleteRequestSchema,
  type DeleteResponse,
  DeleteResponseSchema,
  type ResourceRef,
} from '@sluice/proto';
import type { ControlState } from '../state/control-state.ts';
import type { ControlContext } from './context.ts';
import { describeProblem } from './describe-change.ts';
import { makeChange, type Plan } from './make-change.ts';
import { done, type Outcome, refused } from './outcome.ts';

/** Takes out resources as one revision. */
export async function deleteResources(
  context: ControlContext,
  request: DeleteRequest,
  author: string,
): Promise<Outcome<DeleteResponse>> {
  return makeChange(context, {
    action: 'delete',
    author,
    message: request.message,
    expectedRevision: request.expectedRevision,
    force: request.force,
    strict: false,
    dryRun: request.dryRun,
    rollbackOf: 0,
    secrets: [],
    idempotencyKey: request.idempotencyKey,
    hashRequest: () => context.seal.hashRequest('delete', toBinary(DeleteRequestSchema, request)),
    plan: async (state) => planDelete(state, request.refs),
    respond: ({ revision, historyId, changes, warnings }) =>
      create(DeleteResponseSchema, {
        revision: BigInt(revision),
        historyId,
        changes: [...changes],
        warnings: warnings.map(describeProblem),
      }),
    encode: (response) => toBinary(DeleteResponseSchema, response),
    decode: (bytes) => fromBinary(DeleteResponseSchema, bytes),
  });
}

function planDelete(state: ControlState, refs: readonly ResourceRef[]): Outcome<Plan> {
  const removals = new Set<ResourceKey>();
  const missing: string[] = [];
  for (const { kind, name } of refs) {
    const key = isKind(kind) ? (`${kind}/${name}` as const) : undefined;
    if (key !== undefined && state.config.index.get(key) !== undefined) removals.add(key);
    else missing.push(`${kind} "${name}"`);
  }
  if (missing.length === 0) return done({ upserts: [], removals: [...removals] });
  const shown = missing.slice(0, 5).join(', ');
  const more = missing.length > 5 ? ` and ${missing.length - 5} more` : '';
  return refused({ kind: 'notFound', message: `${shown}${more} ${missing.length === 1 ? 'is' : 'are'} not there` });
}
