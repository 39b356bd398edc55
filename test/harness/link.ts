import { connect, createServer, type Server, type Socket } from 'node:net';

export type Link = AsyncDisposable & {
  readonly port: number;
  readonly address: string;
  /** Connections through the link that are open now, and all that ever were. */
  readonly open: () => number;
  readonly accepted: () => number;
  /** Bytes carried so far towards the target and back. */
  readonly bytesTo: () => number;
  readonly bytesFrom: () => number;
  /** Carries bytes again after `blackHole`, listens again after `cut`. Delay and rate stay as they were set. */
  readonly heal: () => Promise<void>;
  /** Refuses new connections and resets the open ones. */
  readonly cut: () => Promise<void>;
  /** Connections stay open, new ones are accepted, and nothing comes through either way. */
  readonly blackHole: () => void;
  /** Resets what is open now; new connections pass. */
  readonly resetAll: () => void;
  /** Holds every byte back so long, each way. 0: not at all. */
  readonly delay: (ms: number) => void;
  /** Carries at most so many bytes a second, each way and for each connection. Infinity: no limit. */
  readonly throttle: (bytesPerSecond: number) => void;
};

type Pair = { readonly near: Socket; readonly far: Socket };

/** Starts a TCP proxy in front of `targetPort` that can be slowed, cut and healed while connections run through it. */
export async function startLink(targetPort: number): Promise<Link> {
  const pairs = new Set<Pair>();
  const waiting = new Set<() => void>();
  let server: Server | undefined;
  let port = 0;
  let accepted = 0;
  let holed = false;
  let delayMs = 0;
  let rate = Number.POSITIVE_INFINITY;
  const carried = { to: 0, from: 0 };

  async function listen(): Promise<void> {
    server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
    const listening = Promise.withResolvers<void>();
    server.once('error', listening.reject).listen(port, '127.0.0.1', listening.resolve);
    await listening.promise;
    port = (server.address() as { port: number }).port;
  }

  function accept(near: Socket): void {
    accepted += 1;
    const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const pair = { near, far };
    pairs.add(pair);
    void carry(near, far, 'to');
    void carry(far, near, 'from');
    const end = (one: Socket, other: Socket) => {
      one.on('error', () => other.resetAndDestroy());
      one.once('close', () => {
        pairs.delete(pair);
        other.destroy();
      });
    };
    end(near, far);
    end(far, near);
  }

  /** Chunks keep their order: each waits for the one before it. */
  async function carry(source: Socket, sink: Socket, way: 'to' | 'from'): Promise<void> {
    try {
      for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        if (delayMs > 0) await pause(delayMs);
        if (Number.isFinite(rate)) await pause((chunk.length / rate) * 1000);
        while (holed) await opened();
        carried[way] += chunk.length;
        if (!sink.write(chunk)) await drained(sink);
      }
      while (holed) await opened();
      sink.end();
    } catch {
      sink.destroy();
    }
  }

  function opened(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.add(resolve);
    return promise;
  }

  function wake(): void {
    for (const resolve of waiting) resolve();
    waiting.clear();
  }

  function resetAll(): void {
    for (const { near, far } of pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    pairs.clear();
  }

  async function cut(): Promise<void> {
    const closed = Promise.withResolvers<void>();
    if (server === undefined) closed.resolve();
    else server.close(() => closed.resolve());
    server = undefined;
    resetAll();
    await closed.promise;
  }

  await listen();
  return {
    get port() {
      return port;
    },
    get address() {
      return `127.0.0.1:${port}`;
    },
    open: () => pairs.size,
    accepted: () => accepted,
    bytesTo: () => carried.to,
    bytesFrom: () => carried.from,
    async heal() {
      holed = false;
      wake();
      if (server === undefined) await listen();
    },
    cut,
    blackHole: () => {
      holed = true;
    },
    resetAll,
    delay: (ms) => {
      delayMs = ms;
    },
    throttle: (bytesPerSecond) => {
      rate = bytesPerSecond;
    },
    async [Symbol.asyncDispose]() {
      await cut();
      holed = false;
      wake();
    },
  };
}

function pause(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, ms);
  return promise;
}

function drained(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once('drain', resolve).once('close', resolve);
  return promise;
}
