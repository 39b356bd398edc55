import { contentTypeRefusal, missingBodyRefusal, type ValidationPlan } from '@sluice/engine';
import { HeaderId, joinedFieldValue, type RequestHead } from '../../http1/index.ts';

/** Why a request with this head is not what is asked for; undefined: as far as the head says, it is. */
export function headRefusal(head: RequestHead, plan: ValidationPlan): string | undefined {
  return head.body === 'none'
    ? missingBodyRefusal(plan, head.method)
    : contentTypeRefusal(plan, joinedFieldValue(head, HeaderId.contentType));
}
