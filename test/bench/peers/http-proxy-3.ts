/** http-proxy-3, the plain job: `node http-proxy-3.ts PORT UPSTREAM_PORT`. */
import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'http-proxy-3';

const [port, upstream] = process.argv.slice(2).map(Number);

const proxy = createProxyServer({
  target: { host: '127.0.0.1', port: upstream! },
  // Without an agent it closes the upstream connection after every request.
  agent: new Agent({ keepAlive: true, maxFreeSockets: 256 }),
});
proxy.on('error', (error) => process.stderr.write(`${error}\n`));
// Connections stay open as long as a round runs.
createServer({ keepAliveTimeout: 3_600_000 }, (request, response) => proxy.web(request, response)).listen({
  port: port!,
  host: '127.0.0.1',
  backlog: 4096,
});
