import { createServer } from 'node:net';

/** Whether several sockets can listen on one address here (SO_REUSEPORT with balancing, which Linux and the BSDs have). */
export function hasReusePort(faults = process.env.SLUICE_FAULTS ?? ''): Promise<boolean> {
  if (/(^|\s)no-reuse-port(\s|$)/.test(faults)) return Promise.resolve(false);
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ENOTSUP'));
    server.listen({ host: '127.0.0.1', port: 0, reusePort: true, exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}
