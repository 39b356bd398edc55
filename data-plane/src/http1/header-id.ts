import { latin1 } from './latin1.ts';

/**
 * Small integers for the field names the gateway acts on, so that a name is compared once, while it is parsed.
 * `other` is every name not listed.
 */
export const HeaderId = {
  other: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  keepAlive: 5,
  proxyConnection: 6,
  te: 7,
  trailer: 8,
  upgrade: 9,
  expect: 10,
  authorization: 11,
  proxyAuthorization: 12,
  proxyAuthenticate: 13,
  requestId: 14,
  traceparent: 15,
  tracestate: 16,
  forwarded: 17,
  via: 18,
  realIp: 19,
  forwardedFor: 20,
  forwardedProto: 21,
  forwardedHost: 22,
  /** Any other `x-forwarded-*`. */
  forwardedOther: 23,
  /** `x-consumer` and any `x-consumer-*`. */
  consumer: 24,
  /** `content_length`, `X.Forwarded.For`: what a CGI-style server would take for one of the names listed here. */
  twin: 25,
  contentType: 26,
  contentEncoding: 27,
  contentRange: 28,
  acceptEncoding: 29,
  cookie: 30,
  setCookie: 31,
  origin: 32,
  date: 33,
  server: 34,
  location: 35,
  retryAfter: 36,
  cacheControl: 37,
  idempotencyKey: 38,
  apiKey: 39,
  traceId: 40,
  rateLimit: 41,
  rateLimitPolicy: 42,
  proxyStatus: 43,
  wwwAuthenticate: 44,
  secWebSocketKey: 45,
  secWebSocketAccept: 46,
  http2Settings: 47,
  age: 48,
  vary: 49,
  accessControlRequestMethod: 50,
  maxForwards: 51,
  proxyAuthenticationInfo: 52,
} as const;

export type HeaderId = (typeof HeaderId)[keyof typeof HeaderId];

/** One more than the greatest id: the length of a table indexed by id. */
export const HEADER_ID_COUNT = 53;

/** Each known name in lower case. */
export const ID_BY_NAME: ReadonlyMap<string, HeaderId> = new Map([
  ['host', HeaderId.host],
  ['content-length', HeaderId.contentLength],
  ['transfer-encoding', HeaderId.transferEncoding],
  ['connection', HeaderId.connection],
  ['keep-alive', HeaderId.keepAlive],
  ['proxy-connection', HeaderId.proxyConnection],
  ['te', HeaderId.te],
  ['trailer', HeaderId.trailer],
  ['upgrade', HeaderId.upgrade],
  ['expect', HeaderId.expect],
  ['authorization', HeaderId.authorization],
  ['proxy-authorization', HeaderId.proxyAuthorization],
  ['proxy-authenticate', HeaderId.proxyAuthenticate],
  ['x-request-id', HeaderId.requestId],
  ['traceparent', HeaderId.traceparent],
  ['tracestate', HeaderId.tracestate],
  ['forwarded', HeaderId.forwarded],
  ['via', HeaderId.via],
  ['x-real-ip', HeaderId.realIp],
  ['x-forwarded-for', HeaderId.forwardedFor],
  ['x-forwarded-proto', HeaderId.forwardedProto],
  ['x-forwarded-host', HeaderId.forwardedHost],
  ['x-consumer', HeaderId.consumer],
  ['content-type', HeaderId.contentType],
  ['content-encoding', HeaderId.contentEncoding],
  ['content-range', HeaderId.contentRange],
  ['accept-encoding', HeaderId.acceptEncoding],
  ['cookie', HeaderId.cookie],
  ['set-cookie', HeaderId.setCookie],
  ['origin', HeaderId.origin],
  ['date', HeaderId.date],
  ['server', HeaderId.server],
  ['location', HeaderId.location],
  ['retry-after', HeaderId.retryAfter],
  ['cache-control', HeaderId.cacheControl],
  ['idempotency-key', HeaderId.idempotencyKey],
  ['x-api-key', HeaderId.apiKey],
  ['x-trace-id', HeaderId.traceId],
  ['ratelimit', HeaderId.rateLimit],
  ['ratelimit-policy', HeaderId.rateLimitPolicy],
  ['proxy-status', HeaderId.proxyStatus],
  ['www-authenticate', HeaderId.wwwAuthenticate],
  ['sec-websocket-key', HeaderId.secWebSocketKey],
  ['sec-websocket-accept', HeaderId.secWebSocketAccept],
  ['http2-settings', HeaderId.http2Settings],
  ['age', HeaderId.age],
  ['vary', HeaderId.vary],
  ['access-control-request-method', HeaderId.accessControlRequestMethod],
  ['max-forwards', HeaderId.maxForwards],
  ['proxy-authentication-info', HeaderId.proxyAuthenticationInfo],
]);

const MAX_REMEMBERED = 2048;
const MAX_REMEMBERED_LENGTH = 64;
const remembered = new Map<string, HeaderId>();

/** The id of a field name in any letter case. Names seen before, with their very case, cost one lookup. */
export function headerIdOf(name: string): HeaderId {
  return remembered.get(name) ?? remember(name);
}

/**
 * True of a name that stands for one in `HeaderId` once its special characters read as `-`: CGI-style servers tell none of
 * them from another. Such fields are dropped at the edge.
 */
export function isTwin(name: string): boolean {
  return SPECIAL.test(name) && idOfLowerCase(plainName(name)) !== HeaderId.other;
}

/** A name and its twins as one text. */
export function plainName(name: string): string {
  return name.toLowerCase().replaceAll(SPECIALS, '-');
}

const SPECIAL = /[^A-Za-z0-9-]/;
const SPECIALS = /[^a-z0-9-]/g;

function remember(name: string): HeaderId {
  const id = isTwin(name) ? HeaderId.twin : idOfLowerCase(name.toLowerCase());
  if (name.length <= MAX_REMEMBERED_LENGTH) {
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(detached(name), id);
  }
  return id;
}

function idOfLowerCase(name: string): HeaderId {
  const id = ID_BY_NAME.get(name);
  if (id !== undefined) return id;
  if (name.startsWith('x-forwarded-')) return HeaderId.forwardedOther;
  return name.startsWith('x-consumer-') ? HeaderId.consumer : HeaderId.other;
}

/**
 * A copy that does not keep the whole head alive, which a slice of it would: for names and values that outlive their
 * message, as keys of a cache.
 */
export function detached(text: string): string {
  return latin1(Buffer.from(text, 'latin1'), 0, text.length);
}
