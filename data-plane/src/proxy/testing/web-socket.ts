import { createHash } from 'node:crypto';
import { simple } from './manifests.ts';
import type { ProxyRig } from './proxy-rig.ts';
import type { RawPeer } from './raw-peer.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
export const ACCEPT = acceptOf(KEY);

export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** A handshake, some of its fields others, or (null) left out. */
export function handshake(
  fields: Readonly<Record<string, string | null>> = {},
  requestLine = 'GET /ws HTTP/1.1',
): string {
  const all = {
    Host: 'a',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Version': '13',
    ...fields,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}\r\n`]));
  return `${requestLine}\r\n${lines.join('')}\r\n`;
}

export const SWITCHING = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`;

/** A route that admits WebSockets. */
export function webSockets(routeSpec: object = {}, serviceSpec: object = {}): string {
  return simple({ webSocket: true, ...routeSpec }, serviceSpec);
}

/** Both ends of an open tunnel. */
export interface OpenedTunnel {
  readonly client: RawPeer;
  readonly upstream: RawPeer;
}

export async function openTunnel(rig: ProxyRig, fields: Readonly<Record<string, string>> = {}): Promise<OpenedTunnel> {
  const client = await rig.connect();
  client.send(handshake(fields));
  const upstream = await rig.origin.acceptRequest();
  upstream.send(SWITCHING);
  await client.takeHead();
  return { client, upstream };
}

/** A frame as a server sends it. */
export function frame(text: string, opcode = 1): string {
  return String.fromCharCode(0x80 | opcode, text.length) + text;
}

/** A frame as a client sends it, its mask all zero. */
export function maskedFrame(text: string, opcode = 1): string {
  return `${String.fromCharCode(0x80 | opcode, 0x80 | text.length)}\0\0\0\0${text}`;
}

/** The code of a Close frame that a client sent. */
export function unmaskedCode(closing: string): number {
  const bytes = Buffer.from(closing, 'latin1');
  return (((bytes[6] as number) ^ (bytes[2] as number)) << 8) | ((bytes[7] as number) ^ (bytes[3] as number));
}
