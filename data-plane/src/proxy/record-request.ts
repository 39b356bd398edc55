import type { AccessLogPlan } from '@sluice/engine';
import { accessLogLine } from './access-log-line.ts';
import type { Exchange } from './exchange.ts';
import { RequestRecord } from './request-record.ts';

/** From this status on a request has failed, whoever is to blame. */
const FAILED = 400;

/**
 * Draws whether a request whose route was found is logged, and begins to note it where it may be. Costs a random number; where it is, or
 * may be, an object of notes, and a line of JSON that another thread writes out.
 */
export function beginRecord(x: Exchange, { sample, errors }: AccessLogPlan): void {
  const isSampled = Math.random() < sample;
  if (isSampled || errors) x.record = new RequestRecord(isSampled, x.client.bytesSent);
}

/** The request is over: it is told where it is to be. A line that finds no room is dropped and counted; nothing waits for it. */
export function endRecord(x: Exchange, record: RequestRecord, status: number): void {
  x.record = null;
  const { shared, nowUs } = x.context;
  record.endTry(nowUs);
  if (!record.isSampled && status < FAILED && !record.isBroken) return;
  if (!shared.accessLog.put(accessLogLine(x, record, status, Date.now()))) shared.metrics.overflow('access_log');
}
