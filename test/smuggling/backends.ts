import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Arrived } from './judge.ts';
import { startNativeServer } from './native-server.ts';

/** A real server as the origin: what it understood of what it was sent. */
export type Backend = AsyncDisposable & {
  readonly port: number;
  /** Every request it answered with 200, by its own account. */
  readonly understood: () => Promise<readonly Arrived[]>;
};

/** Node's own HTTP server, as it comes but for its bounds. */
export async function startNodeBackend(): Promise<Backend> {
  const seen: Arrived[] = [];
  const server = createServer({ maxHeaderSize: 1 << 18 }, (request, response) => {
    void answer(request, response, (arrived) => seen.push(arrived));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: portOf(server),
    understood: async () => seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** nginx, which reads each body to pass it to a server of its own, and writes down what it understood. */
export async function startNginxBackend(): Promise<Backend> {
  const inner = await startNodeBackend();
  const nginx = await startNativeServer('nginx', (port, dir) => nginxOrigin(port, dir, inner.port));
  return {
    port: nginx.port,
    async understood() {
      const text = await readFile(join(nginx.dir, 'seen.log'), 'latin1');
      const lines = text.split('\n').filter((line) => line !== '');
      const all = lines.map((line) => JSON.parse(line) as Arrived & { status: string });
      return all
        .filter(({ status }) => status === '200')
        .map(({ method, target, id, body }) => ({ method, target, id, body }));
    },
    async [Symbol.asyncDispose]() {
      await nginx[Symbol.asyncDispose]();
      await inner[Symbol.asyncDispose]();
    },
  };
}

/** Passes connections on to a server, and keeps what goes to it byte for byte. */
export async function startTap(port: number): Promise<AsyncDisposable & { port: number; received: () => Buffer[] }> {
  const connections: Buffer[][] = [];
  const sockets = new Set<Socket>();
  const server = createTcpServer({ noDelay: true }, (client) => {
    const received: Buffer[] = [];
    connections.push(received);
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
    client.on('data', (bytes: Buffer) => received.push(bytes));
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .once('close', () => {
          client.destroy();
          upstream.destroy();
        });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: portOf(server),
    received: () => connections.map((received) => Buffer.concat(received)),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, record: (arrived: Arrived) => void) {
  const parts: Buffer[] = [];
  request.on('error', () => undefined);
  for await (const part of request) parts.push(part as Buffer);
  const { method = '', url: target = '', headers } = request;
  record({ method, target, id: String(headers['x-case'] ?? ''), body: Buffer.concat(parts).toString('latin1') });
  response.writeHead(200, { 'x-target': target, 'content-length': '0' }).end();
}

function nginxOrigin(port: number, dir: string, inner: number): string {
  return `
${process.getuid?.() === 0 ? 'user nobody nogroup;' : ''}
daemon off;
worker_processes 1;
pid ${dir}/pid;
error_log /dev/null;
events { worker_connections 1024; }
http {
  log_format seen escape=json
    '{"method":"$request_method","target":"$request_uri","id":"$http_x_case","body":"$request_body","status":"$status"}';
  access_log ${dir}/seen.log seen;
  client_body_buffer_size 1m;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  large_client_header_buffers 8 64k;
  proxy_buffer_size 64k;
  proxy_buffers 8 64k;
  keepalive_requests 1000000;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${inner};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
