/** @fastify/http-proxy, the plain job on its fast path (undici): `node fastify-http-proxy.ts PORT UPSTREAM_PORT`. */
import proxy from '@fastify/http-proxy';
import { fastify } from 'fastify';

const [port, upstream] = process.argv.slice(2).map(Number);

// No logger, so nothing is written for a request; connections stay open as long as a round runs.
const app = fastify({ logger: false, keepAliveTimeout: 3_600_000 });
await app.register(proxy, {
  upstream: `http://127.0.0.1:${upstream}`,
  // 256 kept connections to the upstream, more than the load ever uses; no pipelining, like every other proxy here.
  undici: { connections: 256, pipelining: 1, keepAliveTimeout: 3_600_000 },
});
await app.listen({ port: port!, host: '127.0.0.1', backlog: 4096 });
