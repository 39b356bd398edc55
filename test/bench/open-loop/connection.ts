import { connect, type Socket } from 'node:net';

/** One keep-alive connection with at most one request under way. */
export type Connection = {
  /** Writes a request; `onDone` is called with the status when its whole answer has come. */
  readonly send: (text: string) => void;
  readonly close: () => void;
};

/** Opens a connection. `onDone` gets each answer's status, and 0 when the connection ends before an answer. */
export async function openConnection(
  port: number,
  onDone: (connection: Connection, status: number) => void,
): Promise<Connection> {
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const opened = Promise.withResolvers<void>();
  socket.setEncoding('latin1').once('connect', opened.resolve).once('error', opened.reject);
  await opened.promise;
  let received = '';
  let busy = false;
  const finish = (status: number) => {
    busy = false;
    received = '';
    onDone(self, status);
  };
  socket.on('data', (text: string) => {
    received += text;
    const length = measureAnswer(received);
    if (length !== undefined && received.length >= length) finish(Number(received.slice(9, 12)));
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    if (busy) finish(0);
  });
  const self: Connection = {
    send(text) {
      busy = true;
      socket.write(text, 'latin1');
    },
    close: () => socket.destroy(),
  };
  return self;
}

/** Length of an answer with a content-length, head included; undefined while its head has not come. */
export function measureAnswer(received: string): number | undefined {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(received.slice(0, headEnd))?.[1];
  if (length === undefined) throw new Error(`an answer without content-length:\n${received.slice(0, headEnd)}`);
  return headEnd + 4 + Number(length);
}
