import type { SmugglingCase } from './case.ts';
import type { Outcome } from './send-case.ts';

/** A request as somebody behind the gateway got it. */
export type Arrived = { readonly method: string; readonly target: string; readonly id: string; readonly body: string };

/** The statuses by which a message is refused: 4xx, 501 and 505 of the problem codes. */
const REFUSALS: ReadonlySet<number> = new Set([400, 405, 408, 411, 413, 414, 417, 431, 501, 505]);

/** What is wrong with what became of a case; undefined where nothing is. `arrived`: what of it got behind the gateway. */
export function judge(one: SmugglingCase, outcome: Outcome, arrived: readonly Arrived[]): string | undefined {
  const { statuses, ended } = outcome;
  const last = statuses.at(-1);
  const passed = statuses.filter((status) => status === 200).length;
  if (ended !== 'closed' && ended !== 'kept' && ended !== 'waiting') return ended;
  const isRefused = last !== undefined && REFUSALS.has(last);
  if (isRefused && ended !== 'closed') return `refused with ${last}, and the connection is open`;
  if (statuses.some((status, at) => status !== 200 && !(isRefused && at === statuses.length - 1)))
    return `answered ${statuses.join()}`;
  if (one.verdict === 'refused' && !isRefused) return `not refused: ${statuses.join()}, ${ended}`;
  if (one.verdict === 'forwarded' && (isRefused || passed === 0)) return `not forwarded: ${statuses.join()}, ${ended}`;
  if (passed > one.most) return `${passed} answers to ${one.most} requests`;
  if (arrived.length !== passed) return `${arrived.length} requests arrived, ${passed} were answered`;
  if (one.body !== undefined && arrived[0]?.body !== one.body) return `body ${JSON.stringify(arrived[0]?.body)}`;
  return undefined;
}
