import { hash } from 'node:crypto';

/** Appended to the key before it is hashed (RFC 6455 1.3). */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** The one version there is (RFC 6455 4.1). */
export const WEBSOCKET_VERSION = '13';

/** A Sec-WebSocket-Key: 16 bytes in base64 (RFC 6455 4.1). */
export function isWebSocketKey(value: string | undefined): value is string {
  return value !== undefined && KEY.test(value);
}

/** The only Sec-WebSocket-Accept that answers a key (RFC 6455 4.2.2). */
export function webSocketAccept(key: string): string {
  return hash('sha1', key + GUID, 'base64');
}
