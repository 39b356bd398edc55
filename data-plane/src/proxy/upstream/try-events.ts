import { FAILURE } from '../../shared/index.ts';
import { CLIENT_ABORTED } from '../account.ts';

import { answerProblem } from '../answer.ts';
import { goOnWhenFilled } from '../cache/cache-waits.ts';
import { goOnWithoutRecall } from '../cache/shared-cache-recall.ts';
import { armTimer, awaitsBody, noteReading } from '../deadlines.ts';
import type { Exchange } from '../exchange.ts';
import { goOnWithLease } from '../limits/lease-waits.ts';
import { endResponse } from '../respond.ts';
import { failTry, goOn } from './retry.ts';
import { failWait, replaceConnection } from './send-request.ts';
import { abandonTry, endTry } from './try.ts';
import { connectFailureOf, RESET, SAFE_METHODS, TIMED_OUT, TRY_TIMED_OUT, type TryFailure } from './try-failure.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** The connection has ended while the exchange had it. */
export function onTryClosed(x: Exchange, connection: UpstreamConnection, error: Error | undefined): void {
  if (x.state === 'responding' || x.state === 'editing') {
    endResponse(x, error);
    return;
  }
  const mayRepeat = connection.unsent || (x.replayable && SAFE_METHODS.has(x.head.method));
  if (connection.completed > 0 && !connection.answered && mayRepeat && replaceConnection(x, connection)) return;
  failTry(x, connection.connected ? RESET : connectFailureOf(error));
}

/** Some deadline may have come; the timer is not armed. */
export function onTryTimer(x: Exchange, nowMs: number): void {
  switch (x.state) {
    case 'identifying':
      if (nowMs >= x.resumeAtMs) x.onKeysSettled();
      else x.context.wheel.arm(x.timer, x.resumeAtMs);
      break;
    case 'queued':
      if (nowMs >= x.headDeadlineMs || nowMs >= x.endDeadlineMs) failWait(x);
      else if (awaitsBody(x) && nowMs >= x.lastBodyMs + x.listener.bodyIdleTimeoutMs) refuseSlowBody(x);
      else armTimer(x);
      break;
    case 'waiting':
    case 'pausing':
      if (nowMs >= x.headDeadlineMs || nowMs >= x.endDeadlineMs) {
        // The client's own slowness is no fault of the upstream.
        if (awaitsBody(x)) refuseSlowBody(x);
        else failLate(x, TIMED_OUT);
      } else if (awaitsBody(x) && nowMs >= x.lastBodyMs + x.listener.bodyIdleTimeoutMs) refuseSlowBody(x);
      else if (x.state === 'pausing' && nowMs >= x.resumeAtMs) goOn(x);
      else if (x.state === 'waiting' && nowMs >= x.tryDeadlineMs) failLate(x, TRY_TIMED_OUT);
      else armTimer(x);
      break;
    case 'editing':
      if (nowMs >= x.endDeadlineMs || nowMs >= x.lastByteMs + x.destination.plan.streamIdleTimeoutMs)
        failTry(x, TIMED_OUT);
      else armTimer(x);
      break;
    case 'responding':
      if (!x.client.drained) noteReading(x, nowMs);
      if (nowMs >= x.endDeadlineMs) x.broken(504);
      else if (nowMs >= x.lastByteMs + x.destination.plan.streamIdleTimeoutMs) breakOffIdle(x);
      else armTimer(x);
      break;
    case 'following':
      goOnWhenFilled(x);
      break;
    case 'recalling':
      goOnWithoutRecall(x);
      break;
    case 'leasing':
      goOnWithLease(x);
      break;
    case 'collecting':
      if (nowMs >= x.headDeadlineMs || nowMs >= x.lastBodyMs + x.listener.bodyIdleTimeoutMs) refuseSlowBody(x);
      else armTimer(x);
      break;
    case 'answered':
      x.leaveBody();
      break;
    case 'idle':
    case 'deciding':
      break;
    default:
      x.state satisfies never;
  }
}

function failLate(x: Exchange, failure: TryFailure): void {
  const { upstream, context } = x;
  if (upstream !== null && upstream.completed > 0 && !upstream.answered) {
    context.pools.suspect(upstream.endpoint, x.tryStartedUs / 1000);
  }
  failTry(x, failure);
}

/** Whoever was to move and did not is to blame: a client that reads or sends nothing, or else the upstream. */
function breakOffIdle(x: Exchange): void {
  if (!x.client.drained || awaitsBody(x)) {
    x.broken(CLIENT_ABORTED);
  } else {
    endTry(x, FAILURE);
    x.broken(504);
  }
}

function refuseSlowBody(x: Exchange): void {
  abandonTry(x);
  answerProblem(x, 'request_timeout', 'The request body did not arrive in time.');
}
