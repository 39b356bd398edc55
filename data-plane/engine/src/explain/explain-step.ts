import type { ParsedPath } from '../router/parse-path.ts';
import type { ConsumerPlan } from '../tables/caller-plan.ts';
import type { ExplainedRequest, RequestOutcome } from './explainer.ts';

/** What every step sees. */
export interface Asked extends ExplainedRequest {
  readonly path: string;
  /** Raw, with its `?`; empty where there is none. */
  readonly query: string;
  /** What the path matched. */
  readonly matched: ParsedPath | undefined;
  /** The largest body that the listener takes. */
  readonly listenerBodyBytes: number;
  /** Whether the listener believes what a peer with this address says of clients. */
  readonly trusts: (address: string) => boolean;
  /** Somebody is assumed, and the route asks nobody who he is. */
  readonly isUnasked?: boolean;
  /** Why the node believes no credential. Undefined: it does. */
  readonly disbelief: string | undefined;
  /** Undefined: no consumer. */
  readonly consumer: ConsumerPlan | undefined;
}

/** What a step says: nothing, words alone, or an end. */
export type Said = undefined | string | { readonly open: string } | { readonly end: RequestOutcome };

export function refused(status: number, code: string, says: string): { readonly end: RequestOutcome } {
  return { end: { kind: 'refuse', status, code, says } };
}

export function answered(status: number, says: string): { readonly end: RequestOutcome } {
  return { end: { kind: 'answer', status, code: undefined, says } };
}

/** Of a dry run nothing is an end. */
export function withoutEnd(said: Said): Said {
  return typeof said === 'object' && 'end' in said ? `would be refused, and passes: ${said.end.says}` : said;
}
