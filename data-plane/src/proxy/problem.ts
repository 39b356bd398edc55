/** Whose fault a problem is. */
type ProblemSource = 'client' | 'upstream' | 'control' | 'internal';

export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** What the answer says where nothing more is known. */
  readonly detail: string;
  /** Error type of Proxy-Status (RFC 9209, 2.3). */
  readonly proxyStatus: string;
  readonly source: ProblemSource;
}

/** Every answer that the gateway makes itself, by its code (RFC 9457: `type` ends in it). */
export const problemKinds = {
  bad_request: client(400, 'Bad request', 'The request is malformed.', 'http_request_error'),
  unauthenticated: client(401, 'Unauthenticated', 'No valid credential was presented.', 'http_request_denied'),
  forbidden: client(403, 'Forbidden', 'The caller may not do this.', 'http_request_denied'),
  route_not_found: client(404, 'No such route', 'No route takes this request.', 'http_request_error'),
  method_not_allowed: client(405, 'Method not allowed', 'No route takes this method here.', 'http_request_error'),
  request_timeout: client(408, 'Request timeout', 'The request did not arrive in time.', 'http_request_error'),
  length_required: client(411, 'Length required', 'The request needs a Content-Length.', 'http_request_error'),
  body_too_large: client(413, 'Body too large', 'The request body exceeds the limit.', 'http_request_error'),
  uri_too_long: client(414, 'Target too long', 'The request target exceeds the limit.', 'http_request_error'),
  expectation_failed: client(417, 'Expectation failed', 'The expectation is unknown.', 'http_request_error'),
  rate_limited: client(429, 'Too many requests', 'A rate limit is exceeded.', 'http_request_denied'),
  request_invalid: client(400, 'Invalid request', 'The request is not what the route takes.', 'http_request_error'),
  headers_too_large: client(431, 'Headers too large', 'The header fields exceed the limit.', 'http_request_error'),
  not_implemented: client(501, 'Not implemented', 'The request asks for what is not served.', 'http_request_error'),
  http_version: client(505, 'HTTP version not supported', 'Only HTTP/1.0 and 1.1.', 'http_request_error'),
  fault_injected: internal(503, 'Rehearsed failure', 'The route rehearses failure.', 'proxy_internal_error'),
  internal: internal(500, 'Internal error', 'The gateway failed.', 'proxy_internal_error'),
  overloaded: internal(503, 'Overloaded', 'The gateway has no room for this request.', 'proxy_internal_error'),
  not_ready: control(503, 'Not ready', 'The gateway has no configuration yet.'),
  policy_unavailable: control(503, 'Policy unavailable', 'Something this route needs cannot be told or built.'),
  service_disabled: control(503, 'Service disabled', 'The service is switched off.'),
  no_healthy_endpoint: upstream(503, 'No endpoint', 'The service has no endpoint to go to.', 'destination_unavailable'),
  circuit_open: upstream(503, 'Circuit open', 'The service fails and is given a pause.', 'destination_unavailable'),
  upstream_connect_failed: upstream(502, 'No connection', 'The service cannot be reached.', 'connection_refused'),
  upstream_reset: upstream(502, 'Connection lost', 'The service closed early.', 'connection_terminated'),
  upstream_protocol_error: upstream(502, 'Invalid answer', 'The answer is not HTTP.', 'http_protocol_error'),
  not_cached: client(504, 'Not cached', 'Only a cached answer was asked for.', 'http_request_denied'),
  upstream_timeout: upstream(504, 'Upstream timeout', 'The service did not answer in time.', 'http_response_timeout'),
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof problemKinds;

/** The body of a problem (application/problem+json). `instance` names the request. */
export function problemBody(code: ProblemCode, status: number, detail: string, instance: string): string {
  const { title } = problemKinds[code];
  return (
    `{"type":"urn:sluice:problem:${code}","title":"${title}","status":${status},` +
    `"detail":${JSON.stringify(detail)},"instance":${JSON.stringify(instance)}}`
  );
}

/** The Proxy-Status line of a problem. */
export function proxyStatusLine(code: ProblemCode, error: string = problemKinds[code].proxyStatus): string {
  return `proxy-status: sluice; error=${error}; details="${code}"\r\n`;
}

function client(status: number, title: string, detail: string, proxyStatus: string): ProblemKind {
  return { status, title, detail, proxyStatus, source: 'client' };
}

function internal(status: number, title: string, detail: string, proxyStatus: string): ProblemKind {
  return { status, title, detail, proxyStatus, source: 'internal' };
}

function control(status: number, title: string, detail: string): ProblemKind {
  return { status, title, detail, proxyStatus: 'proxy_configuration_error', source: 'control' };
}

function upstream(status: number, title: string, detail: string, proxyStatus: string): ProblemKind {
  return { status, title, detail, proxyStatus, source: 'upstream' };
}
