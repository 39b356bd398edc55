import { parseJsonBody, type RoutePlan, type ValidationPlan } from '@sluice/engine';
import { HeaderId, joinedFieldValue, type RequestHead } from '../http1/index.ts';
import { decodeContent } from './body/decode-content.ts';
import { RequestBody } from './body/request-body.ts';
import { WholeBody } from './body/whole-body.ts';
import { headRefusal } from './downstream/head-refusal.ts';
import type { Exchange } from './exchange.ts';
import { countRehearsed } from './rehearse.ts';

type RehearsedValidation = NonNullable<NonNullable<RoutePlan['dryRun']>['validation']>;

/** A body that goes on as it comes, and of which a copy is kept beside it until a schema in dry run can be asked. */
export interface BodyRehearsal {
  readonly rehearsed: RehearsedValidation;
  readonly whole: WholeBody;
  /** Takes the framing off chunks; null: there is none. */
  readonly unframed: RequestBody | null;
}

/**
 * Decides and counts what validation in dry run would refuse, and delays nothing: what its schema is asked about is a copy of the body, of
 * at most `maxBytes`. A body of which not all comes, or for whose copy the worker has no room, is not decided about.
 */
export function rehearseValidation(x: Exchange, rehearsed: RehearsedValidation): void {
  const { head, body, context } = x;
  const { plan } = rehearsed;
  if (refusesHead(head, plan)) {
    countRehearsed(x, rehearsed.policySlot, 'validation');
    return;
  }
  // A body that is held anyway is decided about when it is whole.
  if (plan.schema === undefined || head.body === 'none' || body.isPayload) return;
  x.takeArrived();
  if (body.refusal !== null) return;
  if (body.received && !head.chunked) {
    if (refusesBody(head, plan, body.bytes)) countRehearsed(x, rehearsed.policySlot, 'validation');
    return;
  }
  const whole = new WholeBody(context.rehearsedBudget, plan.maxBytes);
  const rehearsal = { rehearsed, whole, unframed: head.chunked ? unframe(head) : null };
  x.rehearsal = rehearsal;
  rehearseMore(x, rehearsal);
}

/** More of a body that goes on meanwhile. */
export function rehearseMore(x: Exchange, { rehearsed, whole, unframed }: BodyRehearsal): void {
  const { body, context } = x;
  unframed?.take(body.bytes, 0);
  const kept = whole.add(unframed === null ? body.bytes : unframed.bytes);
  if (kept === 'added' && !body.received) return;
  if (kept === 'noRoom') context.shared.metrics.overflow('rehearsed_bodies');
  else {
    whole.complete();
    if (kept === 'tooLarge' || refusesBody(x.head, rehearsed.plan, whole.bytes))
      countRehearsed(x, rehearsed.policySlot, 'validation');
  }
  dropRehearsal(x);
}

/** Nothing more of the body is kept. */
export function dropRehearsal(x: Exchange): void {
  x.rehearsal?.whole.release();
  x.rehearsal = null;
}

/** A body that is held for what is enforced, and `value`, which it says. */
export function rehearseValue(x: Exchange, bytes: Buffer, value: unknown): void {
  const rehearsed = x.plan.dryRun?.validation;
  if (rehearsed === undefined) return;
  const { schema, maxBytes } = rehearsed.plan;
  if (schema === undefined || refusesHead(x.head, rehearsed.plan)) return;
  if (bytes.length > maxBytes || schema(value) !== undefined) countRehearsed(x, rehearsed.policySlot, 'validation');
}

function refusesHead(head: RequestHead, plan: ValidationPlan): boolean {
  if (headRefusal(head, plan) !== undefined) return true;
  return plan.schema !== undefined && head.contentLength > plan.maxBytes;
}

function refusesBody(head: RequestHead, plan: ValidationPlan, bytes: Buffer): boolean {
  const encoding = joinedFieldValue(head, HeaderId.contentEncoding);
  const content = encoding === undefined ? bytes : decodeContent(bytes, encoding, plan.maxBytes);
  if (typeof content === 'string') return true;
  const parsed = parseJsonBody(content);
  return !parsed.ok || plan.schema?.(parsed.value) !== undefined;
}

function unframe(head: RequestHead): RequestBody {
  const body = new RequestBody();
  body.begin(head);
  body.takePayload();
  return body;
}
