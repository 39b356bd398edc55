/** fast-gateway, the plain job: `node fast-gateway.ts PORT UPSTREAM_PORT`. */
import { createServer } from 'node:http';
import gateway from 'fast-gateway';

const [port, upstream] = process.argv.slice(2).map(Number);

// Connections stay open as long as a round runs. It keeps up to 2,048 upstream connections by its own default.
const server = createServer({ keepAliveTimeout: 3_600_000 });
const app = gateway({
  restana: { server },
  // One route for everything, its path passed on as it came.
  routes: [{ prefix: '', pathRegex: '/*', target: `http://127.0.0.1:${upstream}` }],
});
await app.start(port!, '127.0.0.1');
