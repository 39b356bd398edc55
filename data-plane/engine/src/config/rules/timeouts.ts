import type { Duration } from '@bufbuild/protobuf/wkt';
import type { Retry } from '@sluice/proto';
import { formatDuration } from '../../manifest/duration.ts';
import type { Report } from '../problem.ts';
import type { Rule } from './rule.ts';

/** Times that hold for parts are not longer than those that hold for the whole. */
export const checkTimeouts: Rule = ({ spec }, report) => {
  if (spec.case !== 'service' && spec.case !== 'policy' && spec.case !== 'route') return;
  const { timeout, retry } = spec.value;
  if (retry !== undefined) checkRetry(retry, timeout, report);
  if (spec.case === 'policy') return;
  const { maxDuration } = spec.value;
  if (timeout !== undefined && maxDuration !== undefined && nanosOf(timeout) > nanosOf(maxDuration)) {
    report({
      severity: 'warning',
      field: 'spec.timeout',
      message: `${formatDuration(timeout)} is longer than maxDuration, ${formatDuration(maxDuration)}, which ends the exchange first`,
    });
  }
};

const MAX_RETRY_BUFFER = 1024n * 1024n;

function checkRetry(
  { perTryTimeout, backoff, bufferBytes }: Retry,
  timeout: Duration | undefined,
  report: Report,
): void {
  if (timeout !== undefined && perTryTimeout !== undefined && nanosOf(perTryTimeout) > nanosOf(timeout)) {
    report({
      severity: 'warning',
      field: 'spec.retry.perTryTimeout',
      message: `${formatDuration(perTryTimeout)} is longer than timeout, ${formatDuration(timeout)}, so that no try is cut short by it`,
    });
  }
  if (backoff?.base !== undefined && backoff.max !== undefined && nanosOf(backoff.base) > nanosOf(backoff.max)) {
    report({
      severity: 'warning',
      field: 'spec.retry.backoff.base',
      message: `${formatDuration(backoff.base)} is longer than max, ${formatDuration(backoff.max)}, which holds from the first retry on`,
    });
  }
  if (bufferBytes !== undefined && bufferBytes.bytes > MAX_RETRY_BUFFER) {
    report({ field: 'spec.retry.bufferBytes', message: 'must be at most 1MiB' });
  }
}

function nanosOf({ seconds, nanos }: Duration): bigint {
  return seconds * 1_000_000_000n + BigInt(nanos);
}
