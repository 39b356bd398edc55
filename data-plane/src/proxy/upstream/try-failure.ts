import type { RetryPlan } from '@sluice/engine';
import type { ProblemCode } from '../problem.ts';
import { ConnectTimeout } from './upstream-connection.ts';

/** Why a try brought no answer. */
export interface TryFailure {
  readonly code: ProblemCode;
  /** Error type of Proxy-Status (RFC 9209, 2.3). */
  readonly proxyStatus: string;
  /** The retry condition it is; null: never retried. */
  readonly condition: 'onConnectFailure' | 'onReset' | 'onTimeout' | null;
}

const CONNECTION_REFUSED = connectFailure('upstream_connect_failed', 'connection_refused');
const CONNECTION_TIMED_OUT = connectFailure('upstream_timeout', 'connection_timeout');
const NO_ADDRESS = connectFailure('upstream_connect_failed', 'dns_error');
const UNREACHABLE = connectFailure('upstream_connect_failed', 'destination_ip_unroutable');

export const RESET: TryFailure = {
  code: 'upstream_reset',
  proxyStatus: 'connection_terminated',
  condition: 'onReset',
};

export const TRY_TIMED_OUT: TryFailure = {
  code: 'upstream_timeout',
  proxyStatus: 'http_response_timeout',
  condition: 'onTimeout',
};

/** The route's timeout is used up: there is no time for another try. */
export const TIMED_OUT: TryFailure = { ...TRY_TIMED_OUT, condition: null };

export const PROTOCOL_ERROR: TryFailure = {
  code: 'upstream_protocol_error',
  proxyStatus: 'http_protocol_error',
  condition: null,
};

/** A connection that was never made. */
export function connectFailureOf(error: Error | undefined): TryFailure {
  if (error instanceof ConnectTimeout) return CONNECTION_TIMED_OUT;
  switch ((error as NodeJS.ErrnoException | undefined)?.code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return NO_ADDRESS;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return UNREACHABLE;
    case 'ETIMEDOUT':
      return CONNECTION_TIMED_OUT;
    default:
      return CONNECTION_REFUSED;
  }
}

/** Methods that ask for nothing to change (RFC 9110, 9.2.1). */
export const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether the route retries this failure of a request with this method. What was never sent may be sent whatever the method. */
export function isRetried(failure: TryFailure, retry: RetryPlan, methodMayRepeat: boolean): boolean {
  if (failure.condition === null || !retry[failure.condition]) return false;
  return methodMayRepeat || failure.condition === 'onConnectFailure';
}

function connectFailure(code: ProblemCode, proxyStatus: string): TryFailure {
  return { code, proxyStatus, condition: 'onConnectFailure' };
}
