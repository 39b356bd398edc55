import type { RetryPlan } from '@sluice/engine';
import { fieldValue, HeaderId } from '../../http1/index.ts';
import type { Exchange } from '../exchange.ts';

/** Whether a request that may have been done may be sent once more. */
export function mayRepeat({ head }: Exchange, retry: RetryPlan): boolean {
  return (
    retry.methods.has(head.method) || (retry.idempotencyKey && fieldValue(head, HeaderId.idempotencyKey) !== undefined)
  );
}
