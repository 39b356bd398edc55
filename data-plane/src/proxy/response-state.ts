import type { HeaderEditsPlan, ResponsePlan } from '@sluice/engine';
import type { FieldText } from '../http1/index.ts';

/** An answer of the configuration as it is sent. */
export interface ResponseState {
  readonly status: number;
  /** Its fields with the route's edits. */
  readonly lines: FieldText;
  /** To be sent as latin1. */
  readonly body: string;
}

/** The plan's lines were checked where it was built. */
export function responseState(
  { status, lines, body }: ResponsePlan,
  edits: HeaderEditsPlan | undefined,
): ResponseState {
  const kept = lines
    .split('\r\n')
    .filter((line) => line !== '' && !edits?.removed.has(line.slice(0, line.indexOf(':')).toLowerCase()))
    .map((line) => `${line}\r\n`)
    .join('');
  return { status, lines: (kept + (edits?.lines ?? '')) as FieldText, body: Buffer.from(body).toString('latin1') };
}
