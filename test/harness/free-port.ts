import { createServer } from 'node:net';

/** Below the range the kernel gives to outgoing connections (32768 on), so that load under way does not take them. */
const first = 18_000;
const count = 14_000;
let next = (process.pid * 97) % count;

/** A TCP port on which nothing listens, not given out before by this process. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < count; tried += 1) {
    const port = first + next;
    next = (next + 1) % count;
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port between ${first} and ${first + count}`);
}

async function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)));
  return promise;
}
