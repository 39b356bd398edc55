import { bodyRefusal, contentTypeRefusal, missingBodyRefusal, type ValidationPlan } from '@sluice/engine';
import { HeaderId, joinedFieldValue } from '../http1/index.ts';
import { answerProblem } from './answer.ts';
import { armTimer } from './deadlines.ts';
import { decodeContent } from './decode-content.ts';
import type { Exchange } from './exchange.ts';
import { WholeBody } from './whole-body.ts';

/** Of a route whose requests go to no service. */
const DEFAULT_TIMEOUT_MS = 15_000;
const INVALID = 422;

/** Whether a request waits for its body before it goes on. */
export function takesWholeBody({ head, plan }: Exchange): boolean {
  return head.body !== 'none' && plan.validation?.schema !== undefined;
}

/**
 * Holds a request against what the route asks of it. Where the body decides, the request waits here until all of it has come, and goes on
 * with the phases behind. Costs one comparison on routes that ask nothing.
 */
export function validateRequest(x: Exchange): boolean {
  const { validation } = x.plan;
  if (validation === undefined) return false;
  const { head } = x;
  const refusal =
    head.body === 'none'
      ? missingBodyRefusal(validation, head.method)
      : contentTypeRefusal(validation, joinedFieldValue(head, HeaderId.contentType));
  if (refusal !== undefined) {
    answerProblem(x, 'request_invalid', refusal);
    return true;
  }
  return takesWholeBody(x) && collectBody(x, validation.maxBytes);
}

/** True: the request waits for its body, or was refused. */
function collectBody(x: Exchange, maxBytes: number): boolean {
  const { head, body, context } = x;
  const bound = Math.min(maxBytes, x.route.bodyBytes);
  if (head.contentLength > bound) {
    answerProblem(x, 'body_too_large');
    return true;
  }
  x.wholeBody = new WholeBody(context.bodyBudget, bound);
  x.takeArrived();
  if (body.refusal !== null) {
    answerProblem(x, 'bad_request', body.refusal.detail);
    return true;
  }
  if (body.received) {
    // All of it came with the head, and is looked at where it lies.
    x.wholeBody.bytes = body.bytes;
    if (body.bytes.length <= bound) return !passesWhole(x);
    answerProblem(x, 'body_too_large');
    return true;
  }
  x.state = 'collecting';
  const { nowMs } = context;
  x.lastBodyMs = nowMs;
  x.headDeadlineMs = nowMs + (x.route.destinations.length === 0 ? DEFAULT_TIMEOUT_MS : x.destination.plan.timeoutMs);
  x.endDeadlineMs = Number.POSITIVE_INFINITY;
  if (!keep(x, x.wholeBody)) return true;
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
  x.body.bytes = whole.bytes;
  if (passesWhole(x)) x.resumePhases();
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

/** False: the body is not what the route asks for, and the request was refused. */
function passesWhole(x: Exchange): boolean {
  if (!decode(x)) return false;
  const whole = x.wholeBody as WholeBody;
  const { schema } = x.plan.validation as ValidationPlan;
  const refusal = schema && bodyRefusal(schema, whole.bytes);
  if (refusal === undefined) return true;
  answerProblem(x, 'request_invalid', refusal.detail, '', undefined, refusal.isMalformed ? undefined : INVALID);
  return false;
}

/** An encoded body goes on decoded: the service reads what was decided about, and nothing else. */
function decode(x: Exchange): boolean {
  const encoding = joinedFieldValue(x.head, HeaderId.contentEncoding);
  if (encoding === undefined) return true;
  const whole = x.wholeBody as WholeBody;
  const decoded = decodeContent(whole.bytes, encoding, whole.maxBytes);
  if (typeof decoded === 'string') {
    if (decoded === 'too large') answerProblem(x, 'body_too_large');
    else answerProblem(x, 'request_invalid', `The body cannot be decoded: ${decoded}.`);
    return false;
  }
  whole.bytes = decoded;
  whole.decoded = true;
  x.body.bytes = decoded;
  return true;
}
