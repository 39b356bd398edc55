import { namedFieldValue } from '../../http1/index.ts';
import { jsonText } from '../body/json-text.ts';
import type { Exchange } from '../exchange.ts';
import type { RequestRecord } from './request-record.ts';

/** Longest texts of clients, in characters. A whole line stays below what the way to the main thread takes. */
const MAX_PATH = 1024;
const MAX_TEXT = 256;

/**
 * One request as a line of JSON in printable ASCII. It holds neither the query nor any header but Host and User-Agent: credentials
 * are in none of it. What is not known is left out.
 */
export function accessLogLine(x: Exchange, record: RequestRecord, status: number, endedAtMs: number): string {
  const { head, caller, client, listener, context } = x;
  const durationUs = context.nowUs - x.startedUs;
  const last = record.lastTry;
  const service = last?.service ?? onlyService(x);
  let line = `{"time":"${new Date(endedAtMs - durationUs / 1000).toISOString()}","route":${jsonText(x.plan.name, MAX_TEXT)}`;
  if (service !== undefined) line += `,"service":${jsonText(service, MAX_TEXT)}`;
  if (last !== undefined) line += `,"endpoint":${jsonText(last.address, MAX_TEXT)}`;
  line += `,"method":${jsonText(head.method, MAX_TEXT)}`;
  if (x.host !== undefined) line += `,"host":${jsonText(x.host, MAX_TEXT)}`;
  line += `,"path":${jsonText(x.path, MAX_PATH)},"protocol":"HTTP/1.${head.minor}","status":${status}`;
  if (record.refusal !== null) line += `,"code":"${record.refusal}"`;
  line += `,"client":${jsonText(client.peer.clientAddress(head, listener), MAX_TEXT)}`;
  if (caller !== null) {
    if (caller.consumer !== null) line += `,"consumer":${jsonText(caller.consumer.name, MAX_TEXT)}`;
    if (caller.apiKey !== null) line += `,"apiKey":${jsonText(caller.apiKey.name, MAX_TEXT)}`;
  }
  line += `,"durationMs":${milliseconds(durationUs)}`;
  if (last !== undefined) {
    line += `,"upstreamMs":${milliseconds((last.headUs || last.endedUs) - last.startedUs)},"tries":${record.tryCount}`;
  }
  line += `,"bytesIn":${x.body.payloadBytes},"bytesOut":${client.bytesSent - record.bytesBefore}`;
  if (record.fallback !== null) line += `,"fallback":"${record.fallback}"`;
  if (record.isBroken) line += ',"broken":true';
  if (record.dryRun.length > 0) line += `,"dryRun":["${record.dryRun.join('","')}"]`;
  const userAgent = x.route.tellsUserAgent ? namedFieldValue(head, 'user-agent') : undefined;
  if (userAgent !== undefined) line += `,"userAgent":${jsonText(userAgent, MAX_TEXT)}`;
  return `${line},"requestId":"${x.requestId}","traceId":"${x.trace.traceId}"}\n`;
}

/** Where no try was made: the service that the route has, if it has one. */
function onlyService({ route }: Exchange): string | undefined {
  return route.destinations.length === 1 ? route.destinations[0]?.plan.service.name : undefined;
}

/** To a microsecond. */
function milliseconds(us: number): number {
  return Math.round(us) / 1000;
}
