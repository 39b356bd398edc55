import { once } from 'node:events';
import { createServer } from 'node:net';
import type { ProxyRig } from './proxy-rig.ts';

export const GET = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';
export const POST = 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc';
export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
export const UNAVAILABLE = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno';

/** A port that nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Every gauge of what is on its way. */
export function gauges(rig: ProxyRig): number[] {
  const { columns } = rig.shared;
  const endpoints = [...rig.directory.endpoints.entries()].map(([, slot]) => columns.inFlight.total(slot));
  return [columns.process.total(1), ...endpoints];
}
