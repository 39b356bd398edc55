import { withBody } from '../http1/index.ts';
import type { Exchange } from './exchange.ts';
import { endTry, outcomeOf } from './upstream/try.ts';
import type { UpstreamConnection } from './upstream/upstream-connection.ts';

/** Up to this, a body leaves together with its head as one text in one write. */
const MAX_JOINED_BYTES = 16 * 1024 - 2048;

/** Sends an answer's head with what there is of its body. False: the client takes no more until it drains. */
export function sendWithBody(x: Exchange, text: string, bytes: Buffer): boolean {
  if (bytes.length === 0) return x.client.sendText(text);
  if (bytes.length <= MAX_JOINED_BYTES) return x.client.sendText(withBody(text, bytes, 0, bytes.length));
  return x.client.sendTogether(text, bytes);
}

/** `clean`: nothing came behind the response. Only a connection with nothing left on it either way is used again. */
export function releaseConnection(x: Exchange, connection: UpstreamConnection, clean: boolean): void {
  if (clean && x.upstreamKeepAlive && x.body.received && connection.drained) {
    connection.giveBack(x.context.nowMs);
  } else connection.destroy();
}

/** The service's answer has gone out as a whole. */
export function finishResponse(x: Exchange): void {
  endTry(x, outcomeOf(x.status));
  x.answered(x.status);
}
