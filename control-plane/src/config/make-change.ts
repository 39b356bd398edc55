import { type Change, type Checked, hasErrors, type Problem } from '@sluice/engine';
import type { ResourceChange } from '@sluice/proto';
import type { ControlState } from '../state/control-state.ts';
import { Turns } from '../state/take-turns.ts';
import { type PreparedWrite, writeRevision } from '../state/write-revision.ts';
import { StoreUnavailable } from '../store/failure.ts';
import type { RememberedAnswer, SealedSecret } from '../store/store.ts';
import type { ControlContext } from './context.ts';
import { describeChange } from './describe-change.ts';
import { done, type Failure, type Outcome, refused } from './outcome.ts';
import { warnOfOrphanedKeys } from './warn-of-orphaned-keys.ts';

/** A change of the config, whoever asks for it and how. */
export interface ChangeRequest<Response> {
  readonly action: 'apply' | 'delete' | 'rollback';
  readonly author: string;
  readonly message: string;
  /** Undefined: whatever is current. */
  readonly expectedRevision: bigint | undefined;
  readonly force: boolean;
  /** Whether warnings refuse the change. */
  readonly strict: boolean;
  readonly dryRun: boolean;
  /** 0: it is no rollback. */
  readonly rollbackOf: number;
  readonly secrets: readonly SealedSecret[];
  /** Empty: none. */
  readonly idempotencyKey: string;
  /** What tells this request from another with the same key. */
  readonly hashRequest: () => Uint8Array;
  /** What is to be put in and taken out, given what is in memory now. Called anew whenever that changed before the change was stored. */
  readonly plan: (state: ControlState) => Promise<Outcome<Plan>>;
  readonly respond: (result: ChangeResult) => Response;
  readonly encode: (response: Response) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => Response;
}

export interface Plan extends Change {
  /** What is wrong beyond what the engine finds. */
  readonly problems?: readonly Problem[];
}

interface ChangeResult {
  /** The revision that holds the change; the current one where nothing changed. */
  readonly revision: number;
  readonly historyId: string;
  readonly changes: readonly ResourceChange[];
  readonly warnings: readonly Problem[];
}

/** How long an answer is remembered for retries. */
export const ANSWER_LIFETIME_MS = 24 * 60 * 60 * 1000;
/** A change that removes more than this many, and more than half of what there is, must be forced. */
const FREE_DELETIONS = 10;

/** Checks a change and, unless it is a dry run or changes nothing, makes it a revision. */
export async function makeChange<Response>(
  context: ControlContext,
  request: ChangeRequest<Response>,
): Promise<Outcome<Response>> {
  const { state } = context;
  const unstorable = findUnstorable({ message: request.message, idempotency_key: request.idempotencyKey });
  if (unstorable !== undefined) return refused(unstorable);
  try {
    if (request.dryRun) return await tryChange(context, request);
    const key = request.idempotencyKey;
    const requestHash = key === '' ? undefined : request.hashRequest();
    let response: Response | undefined;
    const result = await writeRevision<Failure>(state, 'config', async () => {
      const examined = await examineChange(context, request);
      if (!examined.ok) return { refusal: examined.failure };
      const prepared = prepareWrite(context, request, requestHash, examined.value);
      response = prepared.response;
      return prepared;
    });
    switch (result.kind) {
      case 'written':
        return done(response as Response);
      case 'answered':
        return repeatAnswer(request, requestHash, result.answer);
      case 'refused': {
        // What was refused now may be a retry of what was done then; what was not refused is looked up with the append.
        const known = requestHash && (await state.ask((store) => store.findAnswer(key)));
        return known === undefined ? refused(result.refusal) : repeatAnswer(request, requestHash, known);
      }
      case 'overtaken':
        return refused({ kind: 'conflict', message: 'other changes were made faster each time; try again' });
      case 'faulty':
        return refused({ kind: 'failedPrecondition', message: result.message });
      default:
        return result satisfies never;
    }
  } catch (error) {
    return refused(toUnavailable(error));
  }
}

/** Texts that PostgreSQL does not take. */
export function findUnstorable(texts: Readonly<Record<string, string>>): Failure | undefined {
  const found = Object.entries(texts).find(([, text]) => text.includes('\0'));
  return found && { kind: 'invalid', message: `${found[0]} holds a NUL character`, problems: [] };
}

/** What a store's failure is to a caller. Anything else is a bug and goes on. */
export function toUnavailable(error: unknown): Failure {
  if (!(error instanceof StoreUnavailable)) throw error;
  const doubt = error.effect === 'unknown' ? '; the change may have been made' : '; nothing was changed';
  return { kind: 'unavailable', message: `${error.message}${doubt}`, retryAfterMs: 1000 };
}

/** Looks at the database first where that is possible, so that the answer is of now. */
export async function tryRefresh(state: ControlState): Promise<void> {
  await state.ready;
  await state.refresh().catch((error: unknown) => {
    if (!(error instanceof StoreUnavailable)) throw error;
  });
}

/**
 * What a change would do. Plans that cannot be made and expectations that do not hold are refused; problems are for the caller to judge.
 */
export async function checkChange(
  state: ControlState,
  request: Pick<ChangeRequest<unknown>, 'plan' | 'expectedRevision'>,
): Promise<Outcome<{ checked: Checked; problems: readonly Problem[] }>> {
  const { expectedRevision } = request;
  const { revision } = state.config;
  if (expectedRevision !== undefined && expectedRevision !== BigInt(revision)) {
    const message = `the current revision is ${revision}, and ${expectedRevision} was expected`;
    return refused({ kind: 'conflict', message });
  }
  const planned = await request.plan(state);
  if (!planned.ok) return planned;
  const checked = await state.config.index.checkInTurns(planned.value, new Turns().due);
  const warnings = warnOfOrphanedKeys(checked, state.facts);
  return done({ checked, problems: [...(planned.value.problems ?? []), ...checked.problems, ...warnings] });
}

interface Examined {
  readonly checked: Checked;
  readonly described: readonly ResourceChange[];
  readonly warnings: readonly Problem[];
  readonly forced: boolean;
}

async function tryChange<Response>(
  context: ControlContext,
  request: ChangeRequest<Response>,
): Promise<Outcome<Response>> {
  const { state } = context;
  await tryRefresh(state);
  const examined = await examineChange(context, request);
  if (!examined.ok) return examined;
  return done(request.respond(resultOf(state, state.config.revision, examined.value)));
}

async function examineChange<Response>(
  { state }: ControlContext,
  request: ChangeRequest<Response>,
): Promise<Outcome<Examined>> {
  const outcome = await checkChange(state, request);
  if (!outcome.ok) return outcome;
  const { checked, problems } = outcome.value;
  if (hasErrors(problems) || (request.strict && problems.length > 0)) {
    const errors = problems.map((problem) => (request.strict ? { ...problem, severity: 'error' as const } : problem));
    return refused({ kind: 'invalid', message: 'the change is invalid', problems: errors });
  }
  const deletions = checked.changes.filter(({ change }) => change === 'deleted').length;
  const size = state.config.index.size;
  const forced = deletions > FREE_DELETIONS && deletions * 2 > size;
  if (forced && !request.force) {
    const message = `the change deletes ${deletions} of ${size} resources; force it if that is meant`;
    return refused({ kind: 'failedPrecondition', message });
  }
  return done({ checked, described: await describeChanges(checked), warnings: problems, forced });
}

function prepareWrite<Response>(
  { state, now }: ControlContext,
  request: ChangeRequest<Response>,
  requestHash: Uint8Array | undefined,
  examined: Examined,
): PreparedWrite & { response: Response } {
  const { config } = state;
  const { checked, forced } = examined;
  const isChange = checked.changes.length > 0;
  const revision = isChange ? config.revision + 1 : config.revision;
  const createdAt = now();
  const changes = config.itemChanges(checked, revision);
  const counts = countChanges(checked);
  const response = request.respond(resultOf(state, revision, examined));
  return {
    response,
    write: {
      revision: isChange
        ? {
            createdAt,
            author: request.author,
            message: request.message,
            digest: config.digestAfter(changes),
            ...counts,
            rollbackOf: request.rollbackOf,
            forced,
          }
        : undefined,
      versions: changes.map(({ kind, name, after }) => ({
        kind,
        name,
        content: after?.content,
        hash: after?.hash,
        nodeGroups: after?.nodeGroups ?? [],
      })),
      secrets: isChange ? request.secrets : [],
      audit: isChange
        ? [
            {
              at: createdAt,
              actor: request.author,
              action: request.action,
              track: 'config',
              revision,
              target: '',
              detail: `created ${counts.created}, updated ${counts.updated}, deleted ${counts.deleted}`,
            },
          ]
        : [],
      answer:
        requestHash === undefined
          ? undefined
          : {
              key: request.idempotencyKey,
              requestHash,
              response: request.encode(response),
              createdAt,
              expiresAt: new Date(createdAt.getTime() + ANSWER_LIFETIME_MS),
            },
    },
    commit: () => {
      if (isChange) config.appendChecked(checked, revision, createdAt, changes);
    },
  };
}

function resultOf({ historyId }: ControlState, revision: number, { described, warnings }: Examined): ChangeResult {
  return { revision, historyId, changes: described, warnings };
}

/** Field by field, in turns: of a large change it takes as long as to check it. */
export async function describeChanges({ changes }: Checked): Promise<ResourceChange[]> {
  const turns = new Turns();
  const described: ResourceChange[] = [];
  for (const { before, after } of changes) {
    const { kind, name } = (after ?? before)!;
    described.push(describeChange(kind, name, before?.resource, after?.resource));
    const turn = turns.due();
    if (turn !== undefined) await turn;
  }
  return described;
}

function countChanges({ changes }: Checked): { created: number; updated: number; deleted: number } {
  const counts = { created: 0, updated: 0, deleted: 0 };
  for (const { change } of changes) counts[change]++;
  return counts;
}

function repeatAnswer<Response>(
  request: ChangeRequest<Response>,
  requestHash: Uint8Array | undefined,
  answer: RememberedAnswer,
): Outcome<Response> {
  if (requestHash !== undefined && Buffer.compare(requestHash, answer.requestHash) === 0) {
    return done(request.decode(answer.response));
  }
  const message = 'the idempotency key was used for another request';
  return refused({ kind: 'invalid', message, problems: [] });
}
