import { parseJsonBody } from '@sluice/engine';
import { HeaderId, joinedFieldValue } from '../../http1/index.ts';
import { answerProblem } from '../answer.ts';
import { armTimer } from '../deadlines.ts';
import type { Exchange } from '../exchange.ts';
import { rehearseValue } from '../rehearse-validation.ts';
import { decodeContent } from './decode-content.ts';
import { editRequest } from './edit-request.ts';
import { isJson } from './json-content.ts';
import { refuseByWhatItSays } from './validate-request.ts';
import { WholeBody } from './whole-body.ts';

/** Of a route whose requests go to no service. */
const DEFAULT_TIMEOUT_MS = 15_000;

/** Whether a request waits for its body before it goes on: for a schema always, for edits where it says to be JSON. */
export function needsWholeBody({ head, plan }: Exchange): boolean {
  if (head.body === 'none') return false;
  return plan.validation?.schema !== undefined || (plan.requestBody !== undefined && isJson(head));
}

/**
 * Where the body decides, or is edited, the request waits here until all of it has come, and goes on with the phases behind. Costs one
 * comparison on other routes.
 */
export function collectBody(x: Exchange): boolean {
  const { head, body, context } = x;
  if (!body.isPayload) return false;
  const maxBytes = maxBytesOf(x);
  if (head.contentLength > maxBytes) {
    answerProblem(x, 'body_too_large');
    return true;
  }
  x.wholeBody = new WholeBody(context.bodyBudget, maxBytes);
  x.takeArrived();
  if (body.refusal !== null) {
    answerProblem(x, 'bad_request', body.refusal.detail);
    return true;
  }
  if (body.received && body.bytes.length <= maxBytes) {
    // All of it came with the head, and is looked at where it lies.
    x.wholeBody.bytes = body.bytes;
    return !settleBody(x, x.wholeBody);
  }
  if (!keep(x, x.wholeBody)) return true;
  const { nowMs } = context;
  x.state = 'collecting';
  x.lastBodyMs = nowMs;
  x.headDeadlineMs = nowMs + (x.route.destinations.length === 0 ? DEFAULT_TIMEOUT_MS : x.destination.plan.timeoutMs);
  x.endDeadlineMs = Number.POSITIVE_INFINITY;
  x.unblockUpload();
  if (head.expectContinue) x.client.sendText('HTTP/1.1 100 Continue\r\n\r\n');
  armTimer(x);
  return true;
}

/** More of a body that its request waits for. */
export function collectMore(x: Exchange): void {
  const whole = x.wholeBody as WholeBody;
  if (!keep(x, whole) || !x.body.received) return;
  whole.complete();
  if (settleBody(x, whole)) x.resumePhases();
}

function maxBytesOf({ plan, route }: Exchange): number {
  const { validation, requestBody } = plan;
  const ofSchema = validation?.schema === undefined ? route.bodyBytes : validation.maxBytes;
  return Math.min(route.bodyBytes, ofSchema, requestBody === undefined ? ofSchema : requestBody.maxBytes);
}

/** False: there is no room for it, and the request was refused. */
function keep(x: Exchange, whole: WholeBody): boolean {
  switch (whole.add(x.body.bytes)) {
    case 'added':
      return true;
    case 'tooLarge':
      answerProblem(x, 'body_too_large');
      return false;
    case 'noRoom':
      answerProblem(x, 'overloaded', undefined, 'retry-after: 1\r\n');
      return false;
  }
}

/** False: the whole body is not what the route asks for, and the request was refused. Else it is what goes on. */
function settleBody(x: Exchange, whole: WholeBody): boolean {
  if (!decode(x, whole)) return false;
  const parsed = parseJsonBody(whole.bytes);
  if (!parsed.ok) {
    answerProblem(x, 'request_invalid', `The body ${parsed.reason}.`);
    return false;
  }
  if (refuseByWhatItSays(x, parsed.value)) return false;
  rehearseValue(x, whole.bytes, parsed.value);
  if (!editRequest(x, whole, parsed.value)) return false;
  x.body.bytes = whole.bytes;
  return true;
}

/** An encoded body goes on decoded: the service reads what was decided about, and nothing else. */
function decode(x: Exchange, whole: WholeBody): boolean {
  const encoding = joinedFieldValue(x.head, HeaderId.contentEncoding);
  if (encoding === undefined) return true;
  const decoded = decodeContent(whole.bytes, encoding, whole.maxBytes);
  if (typeof decoded === 'string') {
    if (decoded === 'too large') answerProblem(x, 'body_too_large');
    else answerProblem(x, 'request_invalid', `The body cannot be decoded: ${decoded}.`);
    return false;
  }
  whole.bytes = decoded;
  whole.decoded = true;
  return true;
}
