import type { EndpointPlan } from '@sluice/engine';
import type { Exchange } from '../exchange.ts';
import { accessLogLine } from './access-log-line.ts';
import { RequestRecord } from './request-record.ts';
import { spanLine } from './span-line.ts';
import { nameNextTry, sampleTrace } from './trace-context.ts';

/** From this status on a request has failed, whoever is to blame. */
const FAILED = 400;

/**
 * Draws whether a request whose route was found is logged and traced, and begins to note it where it may be. Costs a random number;
 * where it is, or may be, an object of notes, and some 3 us for a line of JSON that another thread writes out.
 */
export function beginRecord(x: Exchange): void {
  const { accessLog, tracing } = x.plan;
  const sampled = tracing === undefined ? null : sampleTrace(x, tracing);
  const span = x.context.hooks.recordsSpans === true ? sampled : null;
  let logged: RequestRecord['logged'] = 'never';
  if (accessLog !== undefined) {
    if (Math.random() < accessLog.sample) logged = 'always';
    else if (accessLog.errors) logged = 'failed';
  }
  if (span !== null || logged !== 'never') x.record = new RequestRecord(logged, span, x.client.bytesSent);
}

/** The request goes to an endpoint. Each try of a traced request is a span of its own, which its head names. */
export function beginTry(x: Exchange, record: RequestRecord, endpoint: EndpointPlan): void {
  const { span } = record;
  if (span !== null && record.tryCount > 0) nameNextTry(x, span);
  record.beginTry(span?.tryId ?? '', x.destination.plan.service.name, endpoint.address, x.context.nowUs);
}

/** The request is over: it is told where it is to be. What finds no room is dropped and counted; nothing waits for it. */
export function endRecord(x: Exchange, record: RequestRecord, status: number): void {
  x.record = null;
  const { shared, nowUs } = x.context;
  record.endTry(nowUs);
  const isLogged = record.logged === 'always' || (record.logged === 'failed' && (status >= FAILED || record.isBroken));
  const endedAtMs = Date.now();
  if (isLogged && !shared.accessLog.put(accessLogLine(x, record, status, endedAtMs))) {
    shared.metrics.overflow('access_log');
  }
  if (record.span === null) return;
  if (!shared.spans.put(spanLine(x, record, record.span, status, endedAtMs))) shared.metrics.overflow('spans');
}
