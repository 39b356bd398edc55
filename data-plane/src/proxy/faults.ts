import { namedFieldValue } from '../http1/index.ts';
import { answerProblem } from './answer.ts';
import { holdBody } from './body/held-body.ts';
import { armTimer } from './deadlines.ts';
import type { Exchange } from './exchange.ts';

/** Draws which rehearsed failures a request meets; one that is refused at once goes no further. Costs one comparison without any. */
export function drawFaults(x: Exchange): boolean {
  const { faults } = x.plan;
  if (faults === undefined) return false;
  x.faultDelayMs = 0;
  x.faultStatus = 0;
  if (faults.header !== undefined && namedFieldValue(x.head, faults.header) === undefined) return false;
  if (Math.random() * 100 < faults.delayPercent) x.faultDelayMs = faults.delayMs;
  if (Math.random() * 100 < faults.abortPercent) x.faultStatus = faults.abortStatus;
  return x.faultDelayMs === 0 && abortByFault(x);
}

/** Refuses a request that drew it. */
export function abortByFault(x: Exchange): boolean {
  if (x.plan.faults === undefined || x.faultStatus === 0) return false;
  answerProblem(x, 'fault_injected', undefined, '', undefined, x.faultStatus);
  return true;
}

/** Keeps a request that drew a delay from its first try until that is over. The delay counts as the service's slowness. */
export function delayByFault(x: Exchange): boolean {
  if (x.plan.faults === undefined || x.faultDelayMs === 0) return false;
  x.state = 'pausing';
  x.resumeAtMs = x.context.nowMs + x.faultDelayMs;
  // What came of the body is valid in this turn only. What may be sent again is kept already.
  if (!x.replayable) holdBody(x, x.body.bytes);
  armTimer(x);
  return true;
}
