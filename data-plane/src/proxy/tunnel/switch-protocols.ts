import { type FieldText, HeaderId, joinedFieldValue, type ResponseHead } from '../../http1/index.ts';
import { SUCCESS } from '../../shared/index.ts';
import { webSocketAccept } from '../../websocket/index.ts';
import { ownResponseLines } from '../answer.ts';
import type { Exchange } from '../exchange.ts';
import { detachUpstream, judgeEndpoint, reportTry } from '../upstream/try.ts';
import type { UpstreamConnection } from '../upstream/upstream-connection.ts';
import { Tunnel } from './tunnel.ts';

const UPGRADED = 'connection: upgrade\r\nupgrade: websocket\r\n' as FieldText;

/**
 * The upstream answers 101. True: that answers a handshake (RFC 6455 4.1), the client was told and the tunnel is open. False: it does
 * not, and its connection is of no use. `chunk[at..]` came behind the head.
 *
 * The handshake is a request that ends here: it is counted with status 101, its duration is what it took to get here, and the breaker
 * has its permit back. Its place at the endpoint stays taken until the tunnel ends.
 */
export function switchProtocols(
  x: Exchange,
  connection: UpstreamConnection,
  head: ResponseHead,
  chunk: Buffer,
  at: number,
): boolean {
  if (x.webSocketKey === '' || !isAccepted(head, x.webSocketKey)) return false;
  const { shared, nowUs } = x.context;
  const text = switchingHead(x, head);
  if (text === undefined) return false;
  shared.metrics.observe(x.destination.service.upstreamDuration, (nowUs - x.tryStartedUs) / 1e6);
  if (x.record !== null) x.record.answerTry(head.status, nowUs);
  reportTry(x, SUCCESS);
  judgeEndpoint(x, SUCCESS);
  detachUpstream(x);
  x.client.sendText(text);
  const tunnel = new Tunnel(x, connection, at === chunk.length ? null : chunk.subarray(at));
  x.answered(head.status);
  tunnel.start();
  return true;
}

function isAccepted(head: ResponseHead, key: string): boolean {
  return (
    head.minor === 1 &&
    head.upgrade?.toLowerCase() === 'websocket' &&
    joinedFieldValue(head, HeaderId.secWebSocketAccept) === webSocketAccept(key)
  );
}

function switchingHead(x: Exchange, head: ResponseHead): string | undefined {
  const { writer } = x.context;
  const { route } = x;
  writer.response(head.status, head.reason);
  writer.forward(head, route.responseDrop, route.responseDropNames);
  writer.fields(ownResponseLines(x) as FieldText);
  writer.fields(UPGRADED);
  writer.fields(route.responseLines);
  return writer.end();
}
