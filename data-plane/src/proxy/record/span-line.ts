import type { ParsedPath } from '@sluice/engine';
import { namedFieldValue } from '../../http1/index.ts';
import { jsonText } from '../body/json-text.ts';
import type { Exchange } from '../exchange.ts';
import type { RequestRecord, TryRecord } from './request-record.ts';
import type { ServerSpan } from './trace-context.ts';

/** Longest texts, in characters: a line stays below what the way to the main thread takes. */
const MAX_PATH = 512;
const MAX_TEXT = 256;
/** Methods that the conventions know; any other is `_OTHER`. */
const KNOWN_METHODS: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'],
]);
/** From these statuses on a span has failed: of who answers, of who asks. */
const SERVER_ERROR = 500;
const CLIENT_ERROR = 400;

/**
 * The spans of one request as a line of JSON for the main thread (`node/spans/read-spans.ts`): the request's own, with the stable
 * attributes of HTTP, and one for each try. Times are Unix microseconds. As in access logs, no query and no credential is in them. Costs a
 * draw; of a request that is traced besides a record of its tries, three ids, and some 3 us for its line.
 */
export function spanLine(
  x: Exchange,
  record: RequestRecord,
  span: ServerSpan,
  status: number,
  endedAtMs: number,
): string {
  const { nowUs } = x.context;
  const toUnixUs = endedAtMs * 1000 - nowUs;
  const unix = (us: number): number => Math.round(us + toUnixUs);
  const isFailed = status >= SERVER_ERROR || record.isBroken;
  const error = isFailed ? (record.refusal ?? String(status)) : null;
  const tries = record.tries.map((each, index) => tryText(each, index, unix)).join(',');
  const target = tries === '' ? '' : `"target":${jsonText(sentPath(x.headText), MAX_PATH)},`;
  const method = KNOWN_METHODS.has(x.head.method) ? x.head.method : '_OTHER';
  return (
    `{"traceId":"${x.trace.traceId}","spanId":"${span.spanId}","parentId":"${span.parentId}",` +
    `"start":${unix(x.startedUs)},"end":${unix(nowUs)},"method":"${method}","error":${errorText(error)},` +
    `${target}"attributes":{${attributesText(x, record, status)}},"tries":[${tries}]}\n`
  );
}

function attributesText(x: Exchange, record: RequestRecord, status: number): string {
  const { head, caller, client, listener, matched } = x;
  let text = `"http.response.status_code":${status},"url.scheme":"http","url.path":${jsonText(x.path, MAX_PATH)}`;
  if (!KNOWN_METHODS.has(head.method)) {
    text += `,"http.request.method_original":${jsonText(head.method, MAX_TEXT)}`;
  }
  if (matched !== undefined) text += `,"http.route":${jsonText(routeText(matched), MAX_TEXT)}`;
  if (x.host !== undefined) text += `,"server.address":${jsonText(x.host, MAX_TEXT)}`;
  text += `,"client.address":${jsonText(client.peer.clientAddress(head, listener), MAX_TEXT)}`;
  text += `,"network.peer.address":${jsonText(client.peer.address, MAX_TEXT)},"network.protocol.version":"1.${head.minor}"`;
  const userAgent = x.route.tellsUserAgent ? namedFieldValue(head, 'user-agent') : undefined;
  if (userAgent !== undefined) text += `,"user_agent.original":${jsonText(userAgent, MAX_TEXT)}`;
  text += `,"sluice.route":${jsonText(x.plan.name, MAX_TEXT)},"sluice.request_id":"${x.requestId}"`;
  if (record.refusal !== null) text += `,"sluice.code":"${record.refusal}"`;
  if (record.fallback !== null) text += `,"sluice.fallback":"${record.fallback}"`;
  if (caller?.consumer) text += `,"sluice.consumer":${jsonText(caller.consumer.name, MAX_TEXT)}`;
  return text;
}

/** The path of a request as it goes to an upstream, without its query. */
function sentPath(headText: string): string {
  const from = headText.indexOf(' ') + 1;
  const target = headText.slice(from, headText.indexOf(' ', from));
  const queryAt = target.indexOf('?');
  return queryAt < 0 ? target : target.slice(0, queryAt);
}

/** What the route matches, which many paths have in common. */
function routeText(matched: ParsedPath): string {
  return matched.kind === 'prefix' ? `${matched.value}/*` : matched.value;
}

function tryText(each: TryRecord, index: number, unix: (us: number) => number): string {
  const error = each.failure ?? (each.status >= CLIENT_ERROR ? String(each.status) : null);
  let text = `{"spanId":"${each.spanId}","start":${unix(each.startedUs)},"end":${unix(each.endedUs)},"error":${errorText(error)}`;
  text += `,"address":${jsonText(each.address, MAX_TEXT)},"attributes":{"sluice.service":${jsonText(each.service, MAX_TEXT)}`;
  if (each.status !== 0) text += `,"http.response.status_code":${each.status}`;
  if (index > 0) text += `,"http.request.resend_count":${index}`;
  return `${text}}}`;
}

function errorText(error: string | null): string {
  return error === null ? 'null' : `"${error}"`;
}
