import { ACTIVE_REQUESTS, methodCode } from '../shared/index.ts';
import type { Exchange } from './exchange.ts';
import { endRecord } from './record/record-request.ts';
import { leavePlace } from './upstream/concurrent-requests.ts';

/** The client went away before the answer was complete. */
export const CLIENT_ABORTED = 499;

/** Books a request that is over. `status` is what the client got, or would have got but for its end or ours. */
export function account(x: Exchange, status: number): void {
  const { shared } = x.context;
  if (x.cache === null || !x.cache.isBehind) count(x, status);
  shared.columns.process.add(ACTIVE_REQUESTS, -1);
  if (x.placeSlot >= 0) leavePlace(x);
  if (x.record !== null) endRecord(x, x.record, status);
}

function count(x: Exchange, status: number): void {
  const { shared, unrouted, nowUs } = x.context;
  const { requests, duration } = x.routed ? x.route : unrouted;
  requests.count(x.serviceSlot, methodCode(x.head.method), status);
  shared.metrics.observe(duration, (nowUs - x.startedUs) / 1e6);
}
