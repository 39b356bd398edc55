import { contentTypeRefusal, missingBodyRefusal } from '@sluice/engine';
import { HeaderId, joinedFieldValue } from '../http1/index.ts';
import { answerProblem } from './answer.ts';
import type { Exchange } from './exchange.ts';

/** The status of a request that can be read and is not what is asked for. */
const UNPROCESSABLE = 422;

/** Holds a request's head against what the route asks of it. Costs one comparison on routes that ask nothing. */
export function validateHead(x: Exchange): boolean {
  const { validation } = x.plan;
  if (validation === undefined) return false;
  const { head } = x;
  const refusal =
    head.body === 'none'
      ? missingBodyRefusal(validation, head.method)
      : contentTypeRefusal(validation, joinedFieldValue(head, HeaderId.contentType));
  if (refusal === undefined) return false;
  answerProblem(x, 'request_invalid', refusal);
  return true;
}

/** Holds what a body says against the route's schema. True: it is not that, and the request was refused. */
export function refuseByWhatItSays(x: Exchange, value: unknown): boolean {
  const reason = x.plan.validation?.schema?.(value);
  if (reason === undefined) return false;
  answerProblem(x, 'request_invalid', `The body does not match: ${reason}.`, '', undefined, UNPROCESSABLE);
  return true;
}
