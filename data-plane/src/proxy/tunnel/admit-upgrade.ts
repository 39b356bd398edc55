import { HeaderId, joinedFieldValue, namedFieldValue } from '../../http1/index.ts';
import { isWebSocketKey, WEBSOCKET_VERSION } from '../../websocket/index.ts';
import { answerProblem } from '../answer.ts';
import type { Exchange } from '../exchange.ts';

/**
 * Decides what becomes of a client's Upgrade. On a route with `webSocket` a WebSocket handshake (RFC 6455 4.2.1) goes on as one, and one
 * that is malformed is refused. Whatever else was asked for, h2c and lists of protocols above all, is not heard, which RFC 9110 7.8
 * allows: the request goes on as an ordinary one, and Upgrade is dropped with the other fields of this connection.
 */
export function admitUpgrade(x: Exchange): boolean {
  const { upgrade } = x.head;
  if (upgrade === null || !x.plan.webSocket || upgrade.toLowerCase() !== 'websocket') return false;
  const key = joinedFieldValue(x.head, HeaderId.secWebSocketKey);
  if (x.head.method !== 'GET' || x.head.body !== 'none')
    return refuse(x, 'A WebSocket handshake is a GET without a body.');
  if (namedFieldValue(x.head, 'sec-websocket-version') !== WEBSOCKET_VERSION) {
    return refuse(x, 'The WebSocket version is not 13.', `sec-websocket-version: ${WEBSOCKET_VERSION}\r\n`);
  }
  if (!isWebSocketKey(key)) return refuse(x, 'Sec-WebSocket-Key is not 16 bytes in base64.');
  x.webSocketKey = key;
  // Bytes behind a handshake may be meant for the tunnel: whatever is answered, they are not read as a request.
  x.head.keepAlive = false;
  return false;
}

function refuse(x: Exchange, detail: string, lines = ''): true {
  x.head.keepAlive = false;
  answerProblem(x, 'bad_request', detail, lines);
  return true;
}
