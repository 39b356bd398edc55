/** Messages that llhttp takes in strict mode and Sluice refuses on purpose: `file: name` and the reason. */
export const stricterThanLlhttp: Readonly<Record<string, string>> = {
  'request/connection.md: CRLF between requests, implicit `keep-alive`':
    'two empty lines between requests; RFC 9112 2.2 asks to ignore at least one, more are padding that hides things',
  'request/method.md: CONNECT request': 'a gateway opens no tunnels for CONNECT',
  'request/method.md: CONNECT request with CAPS': 'a gateway opens no tunnels for CONNECT',
  'request/method.md: CONNECT with body': 'a gateway opens no tunnels for CONNECT',
  'request/method.md: M-SEARCH request': 'the target * belongs to OPTIONS alone (RFC 9112 3.2.4)',
  'request/method.md: SOURCE request with ICE': 'not HTTP',
  'request/method.md: OPTIONS request with RTSP': 'not HTTP',
  'request/method.md: ANNOUNCE request with RTSP': 'not HTTP',
  'request/method.md: PRI request HTTP2': 'the preface of HTTP/2 with the version of HTTP/1.1',
  'request/sample.md: curl GET': '= in a Host: no name the gateway could serve',
  'request/sample.md: Firefox GET': '= in a Host: no name the gateway could serve',
  'request/sample.md: No HTTP version': 'HTTP/0.9',
  'request/transfer-encoding.md: POST with `chunked` as last transfer-encoding':
    'a transfer coding but chunked, and # in the target',
  'request/transfer-encoding.md: POST with `chunked` as last transfer-encoding (multiple headers)':
    'a transfer coding but chunked, and # in the target',
  'request/uri.md: Fragment in URI': 'a target has no fragment (RFC 9112 3.2)',
  'request/uri.md: Underscore in hostname': 'a gateway opens no tunnels for CONNECT',
  'request/uri.md: `host:port` and basic auth': 'user information in a target (RFC 9110 4.2.4)',
  'response/connection.md: HTTP 101 response with Upgrade and Content-Length header':
    'a length with 101 (RFC 9110 8.6)',
  'response/connection.md: HTTP 101 response with Upgrade and Transfer-Encoding header':
    'Transfer-Encoding with 101 (RFC 9112 6.1)',
  'response/connection.md: HTTP 304 with Content-Length': 'an empty line before a status line',
  'response/connection.md: HTTP 100 first, then 400': 'an empty line before a status line',
  'response/pipelining.md: Should parse multiple events': 'an empty line before a status line',
  'response/sample.md: RTSP response': 'not HTTP',
  'response/sample.md: ICE response': 'not HTTP',
  'response/sample.md: HTTP version 0.9': 'HTTP/0.9',
  'response/sample.md: Response starting with CRLF': 'an empty line before a status line',
  'response/transfer-encoding.md: `chunked` before other transfer-encoding': 'chunked is not the last coding',
  'response/transfer-encoding.md: multiple transfer-encoding where chunked is not the last one':
    'chunked is not the last coding',
  'response/transfer-encoding.md: `chunkedchunked` transfer-encoding does not enable chunked enconding':
    'a transfer coding but chunked',
};

/** Messages both take and count differently. */
export const countedOtherwise: Readonly<Record<string, string>> = {
  'request/content-length.md: Content-Length reset when no body is received': 'llhttp was told that no body follows',
  'response/content-length.md: Content-Length reset when no body is received': 'llhttp was told that no body follows',
};

/**
 * What llhttp takes only with one of its leniency flags, by the flag. Sluice knows no such flag and refuses; where it
 * does not, the leniency is one the message does not need.
 */
export const lenientCases: Readonly<Record<string, string>> = {
  'lenient-keep-alive': 'bytes after a message with Connection: close',
  'lenient-data-after-close': 'bytes after a message with Connection: close',
  'lenient-headers': 'obsolete line folding, control characters, white space before the colon',
  'lenient-header-value-relaxed': 'control characters in a value',
  'lenient-chunked-length': 'both Content-Length and Transfer-Encoding',
  'lenient-transfer-encoding': 'chunked is not the last coding',
  'lenient-optional-lf-after-cr': 'a bare CR',
  'lenient-optional-cr-before-lf': 'a bare LF',
  'lenient-optional-crlf-after-chunk': 'chunk data without CRLF',
  'lenient-spaces-after-chunk-size': 'white space in a chunk size line',
  'lenient-version': 'a version that does not exist',
  'lenient-all': 'a bare LF',
};
