import type { HttpResponse } from '../harness/http-message.ts';
import { hash, payload } from './payload.ts';

/** What a client sent and asked for. */
export type Asked = {
  readonly id: string;
  readonly sentBody: Buffer;
  readonly bytes: number;
  /** The states of the configuration that may have been active between sending and answer. */
  readonly states: { readonly from: number; readonly to: () => number };
};

/** What is wrong with an answer of the upstream, or undefined. */
export function wrongWith(response: HttpResponse, { id, sentBody, bytes, states }: Asked): string | undefined {
  const { status, header, body, truncated } = response;
  if (status !== 200) return `status ${status} for ${id}: ${body.toString('latin1', 0, 200)}`;
  if (truncated) return `${id} is cut after ${body.length} bytes`;
  if (header('x-soak-id') !== id) return `the answer of ${header('x-soak-id')} for ${id}`;
  if (header('x-request-id') !== header('x-soak-request-id')) return `${id} has two request ids`;
  if (header('x-soak-received') !== hash(sentBody)) return `the upstream got another body of ${id}`;
  if (hash(body) !== hash(payload(id, bytes))) return `another body for ${id}: ${body.length} of ${bytes} bytes`;
  const state = Number(header('x-state'));
  if (!(state >= states.from && state <= states.to())) {
    return `${id} was answered by state ${state}, and ${states.from} to ${states.to()} were active`;
  }
  return undefined;
}
