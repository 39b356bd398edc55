import type { FieldText } from '../http1/index.ts';
import type { Exchange } from './exchange.ts';
import { type ProblemCode, problemBody, problemKinds, proxyStatusLine } from './problem.ts';
import { reasonPhrase } from './reason-phrases.ts';

/** The rest of a refused request's body is read past up to this, so that its connection can be kept. */
const MAX_DISCARDED_BYTES = 64 * 1024;

/** After these nothing more is believed of what the client sends: a message that is wrong in one way may be so in another. */
const ENDS_CONNECTION: ReadonlySet<ProblemCode> = new Set(['bad_request', 'request_timeout']);

/**
 * Answers with a problem of the gateway's own making. `lines`: further field lines. `proxyError`: the error type of Proxy-Status
 * and `status` where they are not the code's.
 */
export function answerProblem(
  x: Exchange,
  code: ProblemCode,
  detail: string = problemKinds[code].detail,
  lines = '',
  proxyError?: string,
  status: number = problemKinds[code].status,
): void {
  x.takeArrived();
  const { head } = x;
  if (x.record !== null) x.record.refusal = code;
  x.keepAlive = head.keepAlive && !x.client.leaving && !ENDS_CONNECTION.has(code) && maySkipBody(x);
  const body = problemBody(code, status, detail, x.requestId);
  let text = problemHead(x, code, status, body, lines, proxyError);
  // Lines that cannot stand in a head are left out: the answer itself is the gateway's own.
  text ??= problemHead(x, code, status, body, '', proxyError) as string;
  x.client.sendText(head.method === 'HEAD' ? text : text + latin1(body));
  x.answered(status);
}

/** Answers with what the configuration says. `lines`: field lines, no framing. `body` in latin1. */
export function answerConfigured(x: Exchange, status: number, lines: FieldText, body: string): void {
  x.takeArrived();
  const { writer, dateLine } = x.context;
  x.keepAlive = x.head.keepAlive && !x.client.leaving && maySkipBody(x);
  writer.response(status, reasonPhrase(status));
  if (status !== 204 && status !== 304) writer.fields(`content-length: ${body.length}\r\n` as FieldText);
  writer.fields(dateLine);
  writer.fields(lines);
  writer.fields(ownResponseLines(x) as FieldText);
  writer.fields(connectionLine(x) as FieldText);
  const text = writer.end() as string;
  x.client.sendText(x.head.method === 'HEAD' ? text : text + body);
  x.answered(status);
}

/** Undefined where `lines` or `proxyError` are not what can stand in a head. */
function problemHead(
  x: Exchange,
  code: ProblemCode,
  status: number,
  body: string,
  lines: string,
  proxyError: string | undefined,
): string | undefined {
  const { writer, dateLine } = x.context;
  writer.response(status, reasonPhrase(status));
  writer.fields(
    `content-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` as FieldText,
  );
  writer.fields(dateLine);
  writer.lines(`${proxyStatusLine(code, proxyError)}${lines}`);
  writer.fields(ownResponseLines(x) as FieldText);
  writer.fields(connectionLine(x) as FieldText);
  return writer.end();
}

/** What every answer carries, wherever it comes from: the request's names, what is said to other origins, and its limits. */
export function ownResponseLines(x: Exchange): string {
  const names = `${x.listener.requestIdHeader}: ${x.requestId}\r\nx-trace-id: ${x.trace.traceId}\r\n${x.corsLines}`;
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
