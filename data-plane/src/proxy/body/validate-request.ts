import { answerProblem } from '../answer.ts';
import { headRefusal } from '../downstream/head-refusal.ts';
import type { Exchange } from '../exchange.ts';
import { rehearseValidation } from '../rehearse-validation.ts';

/** The status of a request that can be read and is not what is asked for. */
const UNPROCESSABLE = 422;

/** Holds a request's head against what the route asks of it. Costs two comparisons on routes that ask nothing. */
export function validateHead(x: Exchange): boolean {
  const { validation, dryRun } = x.plan;
  if (validation !== undefined) {
    const refusal = headRefusal(x.head, validation);
    if (refusal !== undefined) {
      answerProblem(x, 'request_invalid', refusal);
      return true;
    }
  }
  if (dryRun?.validation !== undefined) rehearseValidation(x, dryRun.validation);
  return false;
}

/** Holds what a body says against the route's schema. True: it is not that, and the request was refused. */
export function refuseByWhatItSays(x: Exchange, value: unknown): boolean {
  const reason = x.plan.validation?.schema?.(value);
  if (reason === undefined) return false;
  answerProblem(x, 'request_invalid', `The body does not match: ${reason}.`, '', undefined, UNPROCESSABLE);
  return true;
}
