import { rewritePath } from '@sluice/engine';
import { dropTable, type FieldText, HeaderId, type RequestHead } from '../../http1/index.ts';
import type { Exchange } from '../exchange.ts';
import { cookiesWithout } from '../identity/cookies.ts';

/**
 * The head that the upstream gets: what the client sent without what belongs to its connection and what only the gateway may say,
 * then the gateway's own lines, then the route's. Undefined where something in it cannot stand in a head.
 */
export function upstreamHead(x: Exchange): string | undefined {
  const { head, route, listener, caller, wholeBody, cache } = x;
  const { writer } = x.context;
  const { peer } = x.client;
  writer.request(
    head.method,
    rewritePath(x.plan.rewrite.path, x.path, x.matched) + x.query,
    route.host ?? head.host ?? x.destination.service.host,
  );
  const drop = peer.isTrusted(listener) ? route.trustedRequestDrop : route.requestDrop;
  writer.forward(
    head,
    wholeBody?.decoded === true ? dropTable(drop, [HeaderId.contentEncoding]) : drop,
    cache?.asksWhole === true && route.cache !== null ? route.cache.requestDropNames : route.requestDropNames,
  );
  if (cache !== null) writer.lines(cache.conditions);
  const { ownDropNames } = route;
  writer.fields(withoutLines(peer.forwardingLines(head, listener), ownDropNames));
  writer.fields(withoutLines(x.trace.line, ownDropNames));
  if (route.droppedCookies !== null) writer.fields(cookiesWithout(head, route.droppedCookies));
  if (caller !== null) writer.fields(withoutLines(caller.line, ownDropNames));
  if (x.webSocketKey !== '') writer.fields(WEBSOCKET_WANTED);
  else if (head.trailersAccepted && head.minor === 1) writer.fields(TRAILERS_ACCEPTED);
  if (wholeBody !== null) writer.contentLength(wholeBody.bytes.length);
  else if (head.chunked) writer.chunked();
  else if (head.contentLength >= 0) writer.contentLength(head.contentLength);
  if (head.maxForwards >= 0) writer.fields(`max-forwards: ${forwardsLeft(head)}\r\n` as FieldText);
  writer.fields(route.requestLines);
  return writer.end();
}

/** The gateway's own lines without those that the route removes or sets itself. */
function withoutLines(lines: FieldText, names: ReadonlySet<string> | null): FieldText {
  if (names === null) return lines;
  const kept = lines.split('\r\n').filter((line) => line !== '' && !names.has(line.slice(0, line.indexOf(':'))));
  return kept.map((line) => `${line}\r\n`).join('') as FieldText;
}

/** Counted down for OPTIONS, which means it; other methods may say it to whom they please (RFC 9110 7.6.2). */
function forwardsLeft({ method, maxForwards }: RequestHead): number {
  return method === 'OPTIONS' ? maxForwards - 1 : maxForwards;
}

const WEBSOCKET_WANTED = 'connection: upgrade\r\nupgrade: websocket\r\n' as FieldText;
const TRAILERS_ACCEPTED = 'te: trailers\r\nconnection: te\r\n' as FieldText;
