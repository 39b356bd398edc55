import { answerProblem } from '../answer.ts';
import { recordBody } from '../body/held-body.ts';
import type { Exchange } from '../exchange.ts';
import { delayByFault } from '../faults.ts';
import { takeCopy } from '../mirror/mirror.ts';
import type { MirrorCopy } from '../mirror/mirror-copy.ts';
import { takePlace } from './concurrent-requests.ts';
import { startTry } from './start-try.ts';
import { SAFE_METHODS } from './try-failure.ts';
import { upstreamHead } from './upstream-request.ts';

/** The last phase: sends the request on its way. */
export function forward(x: Exchange): boolean {
  const { route, body } = x;
  const { plan } = x.destination;
  x.takeArrived();
  if (body.refusal !== null) {
    answerProblem(x, 'bad_request', body.refusal.detail);
    return true;
  }
  if (body.payloadBytes > route.bodyBytes) {
    answerProblem(x, 'body_too_large');
    return true;
  }
  const head = upstreamHead(x);
  if (head === undefined) {
    answerProblem(x, 'bad_request', 'The request cannot be rewritten into a valid one.');
    return true;
  }
  if (plan.service.maxConcurrentRequests > 0 && !takePlace(x)) return true;
  const nowMs = x.startedUs / 1000;
  x.headText = head;
  x.headDeadlineMs = nowMs + plan.timeoutMs;
  x.endDeadlineMs = plan.maxDurationMs === 0 ? Number.POSITIVE_INFINITY : nowMs + plan.maxDurationMs;
  x.lastBodyMs = x.lastByteMs = nowMs;
  x.interims = 0;
  x.fallbacks = x.destination.fallbacks;
  x.fallbackAt = 0;
  x.replayable = plan.retry !== undefined || x.fallbacks.length > 0 || SAFE_METHODS.has(x.head.method);
  x.replayBytes = 0;
  recordBody(x, body.bytes);
  x.context.shared.retryBudgets.countRequest(plan.service.slot, nowMs);
  x.continueDue = x.head.expectContinue && !body.received;
  if (route.mirror !== null) {
    startBesideCopy(x, takeCopy(x, route.mirror, head));
  } else if (!delayByFault(x)) startTry(x);
  return true;
}

/** The request goes first; it may be over, and its exchange in another, when its copy goes. */
function startBesideCopy(x: Exchange, copy: MirrorCopy | null): void {
  const isWhole = x.body.received;
  try {
    if (!delayByFault(x)) startTry(x);
  } finally {
    if (copy !== null && isWhole) copy.send();
  }
}
