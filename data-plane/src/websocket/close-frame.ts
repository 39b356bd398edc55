/** Why a WebSocket ends (RFC 6455 7.4.1): the endpoint goes away; the peer may not do this. */
export const GOING_AWAY = 1001;
export const POLICY_VIOLATION = 1008;
export type CloseCode = typeof GOING_AWAY | typeof POLICY_VIOLATION;

const FIN_CLOSE = 0x88;
const CODE_BYTES = 2;
const MASKED = 0x80;

/** A Close frame as a server sends it (RFC 6455 5.5.1). */
export function closeFrame(code: CloseCode): Buffer {
  return Buffer.from([FIN_CLOSE, CODE_BYTES, code >>> 8, code & 0xff]);
}

/** A Close frame as a client sends it: masked with four random bytes (RFC 6455 5.3). */
export function maskedCloseFrame(code: CloseCode, mask: Uint8Array): Buffer {
  const [a = 0, b = 0, c = 0, d = 0] = mask;
  return Buffer.from([FIN_CLOSE, MASKED | CODE_BYTES, a, b, c, d, (code >>> 8) ^ a, (code & 0xff) ^ b]);
}
