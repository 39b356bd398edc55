import type { CorsPlan } from '@sluice/engine';
import type { FieldText } from '../http1/index.ts';

/** A CORS policy with the lines a worker keeps ready for it; all but the origin are checked where the plan was built. */
export interface CorsState {
  readonly plan: CorsPlan;
  /** With every answer: caches keep answers to different origins apart. Empty where all origins get the same. */
  readonly vary: FieldText;
  /** With an answer to a script of an allowed origin, behind the origin. */
  readonly allowed: FieldText;
  /** With the answer to a preflight, behind `allowed`. */
  readonly preflight: FieldText;
}

/** What upstreams say about CORS is not passed on where the gateway answers for it. */
export const CORS_RESPONSE_FIELDS: readonly string[] = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-expose-headers',
  'access-control-max-age',
];

export function corsState(plan: CorsPlan): CorsState {
  const credentials = plan.credentials ? 'access-control-allow-credentials: true\r\n' : '';
  const exposed = listLine('access-control-expose-headers', plan.exposeHeaders);
  return {
    plan,
    vary: (plan.anyOrigin ? '' : 'vary: origin\r\n') as FieldText,
    allowed: (credentials + exposed) as FieldText,
    preflight: (listLine('access-control-allow-methods', [...plan.methods]) +
      listLine('access-control-allow-headers', [...plan.headers]) +
      `access-control-max-age: ${plan.maxAgeSeconds}\r\n` +
      'vary: access-control-request-method, access-control-request-headers\r\n') as FieldText,
  };
}

function listLine(name: string, values: readonly string[]): string {
  return values.length === 0 ? '' : `${name}: ${values.join(', ')}\r\n`;
}
