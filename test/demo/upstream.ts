/** A small upstream to try things on: answers every request with what it received, as JSON. Run by itself it takes HOST:PORT. */
import { createServer, type Server } from 'node:http';

export function startUpstream(host: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const { method, url, headers } = request;
      const body = JSON.stringify(
        { message: 'hello from the demo upstream', method, path: url, headers },
        undefined,
        2,
      );
      response.writeHead(200, { 'content-type': 'application/json' }).end(`${body}\n`);
    });
  });
  server.keepAliveTimeout = 120_000;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => resolve(server));
  });
}

if (import.meta.main) {
  const [host, port] = (process.argv[2] ?? '0.0.0.0:9000').split(':');
  await startUpstream(host!, Number(port));
}
