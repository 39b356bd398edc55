import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { keyOf, type ResourceKey } from '@sluice/engine';
import {
  type ApplyRequest,
  ApplyRequestSchema,
  type ApplyResponse,
  ApplyResponseSchema,
  type DiffRequest,
  type DiffResponse,
  DiffResponseSchema,
  type Resource,
} from '@sluice/proto';
import type { ControlState } from '../state/control-state.ts';
import type { ControlContext } from './context.ts';
import { describeProblem } from './describe-change.ts';
import { findMissingStores } from './find-missing-stores.ts';
import { carries, type Label, parseLabel } from './label.ts';
import { checkChange, describeChanges, makeChange, type Plan, toUnavailable, tryRefresh } from './make-change.ts';
import { done, type Outcome, refused } from './outcome.ts';
import { findMissingSecrets, type SealedChange, sealChange } from './seal-change.ts';

/** Puts in resources, each replaced whole, as one revision; with `pruneLabel` also takes out the others that carry the label. */
export async function applyResources(
  context: ControlContext,
  request: ApplyRequest,
  author: string,
): Promise<Outcome<ApplyResponse>> {
  const prune = parsePruneLabel(request.pruneLabel);
  if (!prune.ok) return prune;
  const sealed = sealChange(request.resources, context.seal);
  return makeChange(context, {
    action: 'apply',
    author,
    message: request.message,
    expectedRevision: request.expectedRevision,
    force: request.force,
    strict: request.strict,
    dryRun: request.dryRun,
    rollbackOf: 0,
    secrets: sealed.secrets,
    idempotencyKey: request.idempotencyKey,
    hashRequest: () => context.seal.hashRequest('apply', toBinary(ApplyRequestSchema, request)),
    plan: () => planApply(context, sealed, prune.value),
    respond: ({ revision, historyId, changes, warnings }) =>
      create(ApplyResponseSchema, {
        revision: BigInt(revision),
        historyId,
        changes: [...changes],
        warnings: warnings.map(describeProblem),
        dryRun: request.dryRun,
      }),
    encode: (response) => toBinary(ApplyResponseSchema, response),
    decode: (bytes) => fromBinary(ApplyResponseSchema, bytes),
  });
}

/** What applying would change, and all that would be wrong with it. */
export async function diffResourcesWithCurrent(
  context: ControlContext,
  request: DiffRequest,
): Promise<Outcome<DiffResponse>> {
  const prune = parsePruneLabel(request.pruneLabel);
  if (!prune.ok) return prune;
  const { state } = context;
  const sealed = sealChange(request.resources, context.seal);
  try {
    await tryRefresh(state);
    const outcome = await checkChange(state, {
      expectedRevision: undefined,
      plan: () => planApply(context, sealed, prune.value),
    });
    if (!outcome.ok) return outcome;
    const { checked, problems } = outcome.value;
    return done(
      create(DiffResponseSchema, {
        revision: BigInt(state.config.revision),
        changes: await describeChanges(checked),
        problems: problems.map(describeProblem),
      }),
    );
  } catch (error) {
    return refused(toUnavailable(error));
  }
}

async function planApply(
  { state, nodesWithoutStore = () => [] }: ControlContext,
  { resources, unchanged, problems: wrong }: SealedChange,
  prune: Label | undefined,
): Promise<Outcome<Plan>> {
  const missing = unchanged.length === 0 ? [] : await state.ask((store) => findMissingSecrets(unchanged, store));
  const removals = prune === undefined ? [] : findPruned(state, resources, prune);
  const storeless = findMissingStores(resources, nodesWithoutStore);
  return done({ upserts: resources, removals, problems: [...wrong, ...missing, ...storeless] });
}

function findPruned(state: ControlState, resources: readonly Resource[], prune: Label): ResourceKey[] {
  const kept = new Set(resources.filter(({ spec }) => spec.case !== undefined).map(keyOf));
  const removals: ResourceKey[] = [];
  for (const { key, resource } of state.config.index.entries()) {
    if (carries(resource, prune) && !kept.has(key)) removals.push(key);
  }
  return removals;
}

function parsePruneLabel(text: string): Outcome<Label | undefined> {
  return text === '' ? done(undefined) : parseLabel(text);
}
