import { editBody, parseJsonBody } from '@sluice/engine';
import { type FieldText, HeaderId, joinedFieldValue, type ResponseHead } from '../../http1/index.ts';
import { answerProblem, connectionLine, ownResponseLines } from '../answer.ts';
import { keepWhole } from '../cache/cache-fill.ts';
import { armTimer } from '../deadlines.ts';
import { decodedParams } from '../decoded-params.ts';
import type { Exchange } from '../exchange.ts';
import { finishResponse, releaseConnection, sendWithBody } from '../finish-response.ts';
import { failTry } from '../upstream/retry.ts';
import { detachUpstream, endTry, outcomeOf } from '../upstream/try.ts';
import { PROTOCOL_ERROR, RESET } from '../upstream/try-failure.ts';
import type { UpstreamConnection } from '../upstream/upstream-connection.ts';
import { decodeContent } from './decode-content.ts';
import { isJson } from './json-content.ts';
import type { ResponseEditsState } from './response-edits-state.ts';
import { WholeBody } from './whole-body.ts';

const PARTIAL_CONTENT = 206;

/** Whether an answer is held until all of it has come, and edited. Costs one comparison on routes that edit none. */
export function isEdited({ route }: Exchange, head: ResponseHead): boolean {
  return route.responseEdits !== null && head.body !== 'none' && isJson(head);
}

/** The head of an answer that is edited has come, and what is in `x.responseBody`. `clean`: nothing came behind it. */
export function holdAnswer(x: Exchange, connection: UpstreamConnection, head: ResponseHead, clean: boolean): void {
  const { plan } = x.route.responseEdits as ResponseEditsState;
  x.status = head.status;
  x.answerHead = head;
  x.wholeAnswer?.release();
  x.wholeAnswer = new WholeBody(x.context.bodyBudget, plan.maxBytes);
  x.state = 'editing';
  if (head.status === PARTIAL_CONTENT) refuse(x, 'a part of an answer cannot be edited');
  else if (head.contentLength > plan.maxBytes) refuse(x, 'it is too large to be edited');
  else keep(x, connection, clean);
}

/** More of an answer that is edited. */
export function holdMore(x: Exchange, connection: UpstreamConnection, chunk: Buffer): void {
  const end = x.responseBody.take(chunk, 0);
  if (x.responseBody.malformed) failTry(x, PROTOCOL_ERROR);
  else keep(x, connection, end === chunk.length);
}

/** The connection has ended within an answer that is edited. */
export function endHeldAnswer(x: Exchange, error: Error | undefined): void {
  if (error !== undefined || !x.responseBody.endsWithUpstream) failTry(x, RESET);
  else sendEdited(x, null, false);
}

function keep(x: Exchange, connection: UpstreamConnection, clean: boolean): void {
  x.lastByteMs = x.context.nowMs;
  switch ((x.wholeAnswer as WholeBody).add(x.responseBody.bytes)) {
    case 'tooLarge':
      refuse(x, 'it is too large to be edited');
      break;
    case 'noRoom':
      detachUpstream(x)?.destroy();
      endTry(x, outcomeOf(x.status));
      answerProblem(x, 'overloaded', undefined, 'retry-after: 1\r\n');
      break;
    case 'added':
      if (x.responseBody.received) sendEdited(x, connection, clean);
      else armTimer(x);
      break;
  }
}

function sendEdited(x: Exchange, connection: UpstreamConnection | null, clean: boolean): void {
  const head = x.answerHead as ResponseHead;
  const edited = edit(x, head);
  if (typeof edited === 'string') {
    refuse(x, edited);
    return;
  }
  x.keepAlive = x.head.keepAlive && x.body.received && !x.client.leaving;
  const text = editedHead(x, head, edited.length);
  if (text === undefined) {
    failTry(x, PROTOCOL_ERROR);
    return;
  }
  if (x.cache !== null) keepWhole(x, x.cache, head, edited);
  detachUpstream(x);
  if (connection !== null) releaseConnection(x, connection, clean);
  sendWithBody(x, text, edited);
  finishResponse(x);
}

/** The answer with the route's edits, or why there is none. */
function edit(x: Exchange, head: ResponseHead): Buffer | string {
  const { plan, hasParams } = x.route.responseEdits as ResponseEditsState;
  const whole = x.wholeAnswer as WholeBody;
  whole.complete();
  const encoding = joinedFieldValue(head, HeaderId.contentEncoding);
  const bytes = encoding === undefined ? whole.bytes : decodeContent(whole.bytes, encoding, plan.maxBytes);
  if (typeof bytes === 'string') return `it cannot be decoded: ${bytes}`;
  const parsed = parseJsonBody(bytes);
  if (!parsed.ok) return `it ${parsed.reason}`;
  const params = decodedParams(x, hasParams);
  return params === undefined ? 'a parameter of the path is not UTF-8' : editBody(plan, bytes, parsed.value, params);
}

function editedHead(x: Exchange, head: ResponseHead, length: number): string | undefined {
  const { writer, dateLine } = x.context;
  const { responseEdits, responseDrop, responseLines } = x.route;
  const { drop, dropNames } = responseEdits as ResponseEditsState;
  writer.response(head.status, head.reason);
  writer.forward(head, drop, dropNames);
  if (!head.dated && responseDrop[HeaderId.date] !== 1) writer.fields(dateLine);
  writer.fields(ownResponseLines(x) as FieldText);
  writer.contentLength(length);
  writer.fields(connectionLine(x) as FieldText);
  writer.fields(responseLines);
  return writer.end();
}

/** What cannot be edited is not passed on: an edit may be there to take something out. */
function refuse(x: Exchange, reason: string): void {
  detachUpstream(x)?.destroy();
  endTry(x, outcomeOf(x.status));
  answerProblem(x, 'upstream_protocol_error', `The answer of the service cannot be passed on: ${reason}.`);
}
