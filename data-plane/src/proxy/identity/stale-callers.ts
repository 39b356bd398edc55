import { answerProblem } from '../answer.ts';
import type { Exchange } from '../exchange.ts';

/** What the node knows of callers was not confirmed for longer than `--max-staleness`. Costs one load and one comparison. */
export function disbelievesCallers({ context }: Exchange): boolean {
  return context.shared.control.disbelievesCallers(context.nowUs);
}

/** Whoever a request says it comes from: nobody can tell whether that still holds, nor whether what is not known is new. */
export function refuseDisbelieved(x: Exchange): true {
  const { metrics } = x.context.shared;
  metrics.add(metrics.authFailures(x.plan.slot, 'stale'));
  answerProblem(x, 'policy_unavailable', 'Which credentials hold is not known at the moment.', 'retry-after: 5\r\n');
  return true;
}
