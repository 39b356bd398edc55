/** What a gateway has to know of the WebSocket protocol (RFC 6455), without I/O: the handshake's fields, where frames end, Close frames. */
export { type CloseCode, closeFrame, GOING_AWAY, maskedCloseFrame, POLICY_VIOLATION } from './close-frame.ts';
export { FrameTracker } from './frame-tracker.ts';
export { isWebSocketKey, WEBSOCKET_VERSION, webSocketAccept } from './handshake.ts';
