/**
 * Methods a request may use: the registered ones and those in wide use, the same as llhttp's. A method unknown here is
 * answered 501 (RFC 9110 9.1), since whether it is safe, idempotent or has a body would be a guess. CONNECT asks for a
 * tunnel and PRI starts HTTP/2: neither is a request to pass on. TRACE would show the client what the gateway says to
 * the upstream alone.
 */
const SERVED: ReadonlyMap<string, string> = mapToThemselves([
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'QUERY'],
  ...['ACL', 'BIND', 'CHECKOUT', 'COPY', 'LINK', 'LOCK', 'M-SEARCH', 'MERGE', 'MKACTIVITY', 'MKCALENDAR', 'MKCOL'],
  ...['MOVE', 'NOTIFY', 'PROPFIND', 'PROPPATCH', 'PURGE', 'REBIND', 'REPORT', 'SEARCH', 'SOURCE', 'SUBSCRIBE'],
  ...['UNBIND', 'UNLINK', 'UNLOCK', 'UNSUBSCRIBE'],
]);

/**
 * The method in the one string that stands for it, undefined of one that may not be passed on; letter case counts. What is asked of
 * the method later finds that string at once, where one cut out of the head would have to be looked up first.
 */
export function servedMethod(text: string): string | undefined {
  return text === 'GET' ? 'GET' : SERVED.get(text);
}

function mapToThemselves(methods: readonly string[]): Map<string, string> {
  return new Map(methods.map((method) => [method, method]));
}
