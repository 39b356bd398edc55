import type { ControlContext } from '../config/context.ts';
import { toUnavailable } from '../config/make-change.ts';
import { done, type Failure, type Outcome, refused } from '../config/outcome.ts';
import { type WriteResult, writeRevision } from '../state/write-revision.ts';
import { type FactsChange, prepareFacts } from './prepare-facts.ts';

/**
 * Makes a version of the facts. `plan` is called anew whenever they changed before the change was stored; undefined: nothing is to be
 * changed any more. Gives the version in which it holds.
 */
export async function changeFacts(
  context: ControlContext,
  plan: () => Outcome<FactsChange | undefined>,
): Promise<Outcome<number>> {
  const { state } = context;
  let version = 0;
  let result: WriteResult<Failure | 'unchanged'>;
  try {
    result = await writeRevision<Failure | 'unchanged'>(state, 'facts', async () => {
      const planned = plan();
      version = state.facts.revision;
      if (!planned.ok) return { refusal: planned.failure };
      if (planned.value === undefined) return { refusal: 'unchanged' };
      version++;
      return prepareFacts(context, planned.value);
    });
  } catch (error) {
    return refused(toUnavailable(error));
  }
  switch (result.kind) {
    case 'written':
      return done(version);
    case 'refused':
      return result.refusal === 'unchanged' ? done(version) : refused(result.refusal);
    case 'overtaken':
    case 'answered':
      return refused({ kind: 'conflict', message: 'other changes were made faster each time; try again' });
    case 'faulty':
      return refused({ kind: 'failedPrecondition', message: result.message });
    default:
      return result satisfies never;
  }
}
