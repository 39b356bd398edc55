import { allowsOrigin, preflightRefusal } from '@sluice/engine';
import { type FieldText, fieldLine, fieldValue, HeaderId, namedFieldValue } from '../http1/index.ts';
import { answerConfigured, answerProblem } from './answer.ts';
import type { Exchange } from './exchange.ts';

/**
 * Tells scripts of allowed origins that they may read the answer, whoever gives it, and answers preflights (Fetch standard, 3.3).
 * To another origin nothing is told: CORS protects readers, it does not refuse requests; a preflight that fails is refused, since it
 * asks for nothing else.
 */
export function answerCors(x: Exchange): boolean {
  const { cors } = x.route;
  if (cors === null) return false;
  const origin = fieldValue(x.head, HeaderId.origin);
  x.corsLines = cors.vary;
  if (origin === undefined) return false;
  const allowed = allowsOrigin(cors.plan, origin);
  if (allowed) {
    const line = fieldLine('access-control-allow-origin', cors.plan.anyOrigin ? '*' : origin);
    x.corsLines = (cors.vary + (line ?? '') + cors.allowed) as FieldText;
  }
  const asked = fieldValue(x.head, HeaderId.accessControlRequestMethod);
  if (asked === undefined || x.head.method !== 'OPTIONS') return false;
  const refusal = allowed
    ? preflightRefusal(cors.plan, asked, namedFieldValue(x.head, 'access-control-request-headers'))
    : 'The origin is not allowed.';
  if (refusal === undefined) answerConfigured(x, 204, cors.preflight, '');
  else {
    x.corsLines = cors.vary;
    answerProblem(x, 'forbidden', refusal);
  }
  return true;
}
