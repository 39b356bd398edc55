import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Two ends of a connection; the far one reads nothing until it is told. */
export async function connectPair(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  if (near.connecting) await once(near, 'connect');
  server.close();
  near.on('error', () => undefined);
  far.on('error', () => undefined);
  return { near, far };
}
