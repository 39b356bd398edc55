import type { FieldText } from '../http1/index.ts';
import type { Exchange } from './exchange.ts';
import { type ProblemCode, problemBody, problemKinds, proxyStatusLine } from './problem.ts';
import { reasonPhrase } from './reason-phrases.ts';

/** The rest of a refused request's body is read past up to this, so that its connection can be kept. */
const MAX_DISCARDED_BYTES = 64 * 1024;

/**
 * Answers with a problem of the gateway's own making. `lines`: further field lines. `proxyError`: the error type of Proxy-Status
 * where it is not the code's.
 */
export function answerProblem(
  x: Exchange,
  code: ProblemCode,
  detail: string = problemKinds[code].detail,
  lines = '',
  proxyError?: string,
): void {
  x.takeArrived();
  const { status } = problemKinds[code];
  const { head } = x;
  x.keepAlive = head.keepAlive && !x.client.leaving && code !== 'request_timeout' && maySkipBody(x);
  const body = problemBody(code, detail, x.requestId);
  const text =
    `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\ncontent-type: application/problem+json\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\ndate: ${new Date().toUTCString()}\r\n` +
    `${proxyStatusLine(code, proxyError)}${lines}${ownResponseLines(x)}${connectionLine(x)}\r\n`;
  x.client.sendText(head.method === 'HEAD' ? text : text + latin1(body));
  x.answered(status);
}

/** Answers with what the configuration says. `lines`: field lines, no framing. `body` in latin1. */
export function answerConfigured(x: Exchange, status: number, lines: FieldText, body: string): void {
  x.takeArrived();
  x.keepAlive = x.head.keepAlive && !x.client.leaving && maySkipBody(x);
  const length = status === 204 || status === 304 ? '' : `content-length: ${body.length}\r\n`;
  const text =
    `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${length}date: ${new Date().toUTCString()}\r\n` +
    `${lines}${ownResponseLines(x)}${connectionLine(x)}\r\n`;
  x.client.sendText(x.head.method === 'HEAD' ? text : text + body);
  x.answered(status);
}

/** What every answer carries, wherever it comes from: the request's names and its limits. */
export function ownResponseLines(x: Exchange): string {
  const names = `${x.listener.requestIdHeader}: ${x.requestId}\r\nx-trace-id: ${x.trace.traceId}\r\n`;
  return x.rateLimit === '' ? names : `${names}ratelimit: ${x.rateLimit}\r\nratelimit-policy: ${x.rateLimitPolicy}\r\n`;
}

/** HTTP/1.1 stays open unless told, HTTP/1.0 closes unless told. */
export function connectionLine(x: Exchange): string {
  if (!x.keepAlive) return 'connection: close\r\n';
  return x.head.minor === 0 ? 'connection: keep-alive\r\n' : '';
}

/** Whether the next request can be found without reading much of what nobody wants. */
function maySkipBody({ head, body }: Exchange): boolean {
  if (body.received) return true;
  // A client told to wait may send the body or not: where the next request begins is then unknown.
  return body.refusal === null && !head.expectContinue && body.remainingBytes <= MAX_DISCARDED_BYTES;
}

/** Text that is sent as latin1 and is to arrive as UTF-8. */
function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
