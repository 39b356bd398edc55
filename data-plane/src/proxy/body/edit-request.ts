import { editBody } from '@sluice/engine';
import { answerProblem } from '../answer.ts';
import { decodedParams } from '../decoded-params.ts';
import type { Exchange } from '../exchange.ts';
import { isJson } from './json-content.ts';
import type { WholeBody } from './whole-body.ts';

/** Makes the route's edits to a body; `value` is what it says. False: they cannot be made, and the request was refused. */
export function editRequest(x: Exchange, whole: WholeBody, value: unknown): boolean {
  const { requestBody } = x.plan;
  if (requestBody === undefined || !isJson(x.head)) return true;
  const params = decodedParams(
    x,
    requestBody.set.some((member) => member.params.length > 0),
  );
  if (params === undefined) {
    answerProblem(x, 'bad_request', 'A parameter of the path is not UTF-8.');
    return false;
  }
  whole.bytes = editBody(requestBody, whole.bytes, value, params);
  return true;
}
