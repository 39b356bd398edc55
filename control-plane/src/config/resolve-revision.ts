import type { ControlState } from '../state/control-state.ts';
import { tryRefresh } from './make-change.ts';
import { done, type Outcome, refused } from './outcome.ts';

/** The revision asked for, the current one where none is. A later one than is known here is looked for in the database. */
export async function resolveRevision(state: ControlState, asked: bigint | undefined): Promise<Outcome<number>> {
  await state.ready;
  if (asked === undefined) return done(state.config.revision);
  if (asked > BigInt(state.config.revision)) await tryRefresh(state);
  const { revision } = state.config;
  if (asked <= BigInt(revision)) return done(Number(asked));
  return refused({ kind: 'notFound', message: `there is no revision ${asked}: the current one is ${revision}` });
}
