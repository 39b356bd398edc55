import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface FakeRedis extends AsyncDisposable {
  readonly url: string;
  /** What is answered to scripts, as bytes of RESP. */
  reply: string;
  /** Connections since the start. */
  readonly connections: () => number;
}

const INFO = ['redis_version:7.0.0', 'run_id:abc', 'uptime_in_seconds:1000'].join('\r\n');

/** Takes connections as a Redis does, and answers whatever the test says. */
export async function startFakeRedis(): Promise<FakeRedis> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes]);
      for (let command = take(); command !== undefined; command = take()) socket.write(answer(command));
    });
    function take(): string | undefined {
      const found = readCommand(rest);
      rest = rest.subarray(found?.bytes ?? 0);
      return found?.name;
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  function answer(command: string): string {
    if (command === 'INFO') return `$${INFO.length}\r\n${INFO}\r\n`;
    return command === 'EVALSHA' ? self.reply : '+OK\r\n';
  }
  const self = {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reply: ':1\r\n',
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return self;
}

/** The name of the command that the bytes begin with, and how long it is. Undefined: it is not all there. */
function readCommand(bytes: Buffer): { readonly name: string; readonly bytes: number } | undefined {
  const count = /^\*(\d+)\r\n/.exec(bytes.toString('latin1', 0, 16));
  if (count === null) return undefined;
  let at = count[0].length;
  let name = '';
  for (let left = Number(count[1]); left > 0; left--) {
    const end = bytes.indexOf('\r\n', at);
    const length = Number(bytes.toString('latin1', at + 1, end));
    if (end < 0 || bytes.length < end + 4 + length) return undefined;
    name ||= bytes.toString('latin1', end + 2, end + 2 + length);
    at = end + 4 + length;
  }
  return { name, bytes: at };
}
