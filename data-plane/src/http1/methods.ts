/**
 * Methods a request may use: the registered ones and those in wide use, the same as llhttp's. A method unknown here is
 * answered 501 (RFC 9110 9.1), since whether it is safe, idempotent or has a body would be a guess. CONNECT asks for a
 * tunnel and PRI starts HTTP/2: neither is a request to pass on. TRACE would show the client what the gateway says to
 * the upstream alone.
 */
const SERVED: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'QUERY'],
  ...['ACL', 'BIND', 'CHECKOUT', 'COPY', 'LINK', 'LOCK', 'M-SEARCH', 'MERGE', 'MKACTIVITY', 'MKCALENDAR', 'MKCOL'],
  ...['MOVE', 'NOTIFY', 'PROPFIND', 'PROPPATCH', 'PURGE', 'REBIND', 'REPORT', 'SEARCH', 'SOURCE', 'SUBSCRIBE'],
  ...['UNBIND', 'UNLINK', 'UNLOCK', 'UNSUBSCRIBE'],
]);

/** True of a method that may be passed on, in its exact letter case. */
export function isServedMethod(method: string): boolean {
  return method === 'GET' || SERVED.has(method);
}
