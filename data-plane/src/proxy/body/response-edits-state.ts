import type { BodyEditsPlan } from '@sluice/engine';
import { dropTable, HeaderId, plainName } from '../../http1/index.ts';

/** Edits of answers, with what of an edited answer's head is not passed on. */
export interface ResponseEditsState {
  readonly plan: BodyEditsPlan;
  readonly hasParams: boolean;
  readonly drop: Uint8Array;
  readonly dropNames: ReadonlySet<string>;
}

/** What says something about bytes that are no more (RFC 9530, RFC 3230, RFC 1864). */
export const DIGEST_FIELDS = ['content-digest', 'repr-digest', 'digest', 'content-md5'];

/** Asks for a part of an answer, or for one that has to be decoded first; nothing of these goes to a service whose answers are edited. */
export const PARTIAL_FIELDS = ['range', 'if-range', 'accept-encoding'];

/** `drop` and `dropNames`: of the route's other answers. */
export function responseEditsState(
  plan: BodyEditsPlan,
  drop: Uint8Array,
  dropNames: ReadonlySet<string> | null,
): ResponseEditsState {
  return {
    plan,
    hasParams: plan.set.some(({ params }) => params.length > 0),
    drop: dropTable(drop, [HeaderId.contentEncoding]),
    dropNames: new Set([...(dropNames ?? []), ...[...DIGEST_FIELDS, 'accept-ranges'].map(plainName)]),
  };
}
