/**
 * What the codec answers instead of guessing: a value, never an exception. After a refusal the connection can only be
 * answered and closed, because where the next message begins is no longer known.
 */
export interface Refusal {
  readonly ok: false;
  /** Problem code; `upstream_protocol_error` for what an upstream sent, the others for what a client sent. */
  readonly code: RefusalCode;
  /** Status the code stands for. */
  readonly status: number;
  /** One phrase for people; never holds bytes of the message. */
  readonly detail: string;
}

export type RefusalCode =
  | 'bad_request'
  | 'uri_too_long'
  | 'headers_too_large'
  | 'body_too_large'
  | 'length_required'
  | 'expectation_failed'
  | 'not_implemented'
  | 'http_version'
  | 'upstream_protocol_error';

const STATUS: Readonly<Record<RefusalCode, number>> = {
  bad_request: 400,
  length_required: 411,
  body_too_large: 413,
  uri_too_long: 414,
  expectation_failed: 417,
  headers_too_large: 431,
  not_implemented: 501,
  upstream_protocol_error: 502,
  http_version: 505,
};

export function refuse(code: RefusalCode, detail: string): Refusal {
  return { ok: false, code, status: STATUS[code], detail };
}

/** The same finding about a message of an upstream: whatever is wrong with it, the gateway answers 502. */
export function asUpstreamError(refusal: Refusal): Refusal {
  return refuse('upstream_protocol_error', refusal.detail);
}
