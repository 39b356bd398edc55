import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { HttpReader, type HttpResponse, statusOf } from './http-message.ts';
import { formatRequest, type RawRequest } from './raw-client.ts';
import { waitFor } from './wait-for.ts';

export type LoadOptions = {
  readonly port: number;
  /** Keep-alive connections, one request in flight on each. Default 8. */
  readonly connections?: number;
  /** Requests a second over all connections; unset: as fast as answers come. */
  readonly rate?: number;
  /** Stop by itself after so many requests. Unset: until `stop`. */
  readonly total?: number;
  /** The n-th request, from 0. Default: GET /. */
  readonly request?: (n: number) => RawRequest;
  /** What is wrong with an answer, or undefined. Without it every status below 500 is right. */
  readonly check?: (response: HttpResponse, n: number, timing: Timing) => string | undefined;
  /** How long an answer may take before it counts as `timeout`. Default 60 s. */
  readonly deadlineMs?: number;
};

export type Timing = { readonly sentAt: number; readonly endedAt: number };

export type LoadFailure = { readonly n: number; readonly what: string; readonly response?: string };

export type LoadReport = {
  readonly requests: number;
  /** Complete answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Requests without a complete answer: `refused`, `reset`, `closed`, `truncated`, `timeout`, or a system error's code. */
  readonly errors: Readonly<Record<string, number>>;
  /** How many requests failed: errors, and answers that `check` found wrong. */
  readonly failed: number;
  /** The first 20 of them. */
  readonly failures: readonly LoadFailure[];
  /** Connections that ended between requests, which fails nothing. */
  readonly reconnects: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
};

export type Load = AsyncDisposable & {
  readonly completed: () => number;
  readonly failed: () => number;
  readonly waitForRequests: (more: number, deadlineMs?: number) => Promise<void>;
  /** Lets what is in flight end and reports. */
  readonly stop: () => Promise<LoadReport>;
  /** Resolves when `total` requests are done. */
  readonly done: Promise<LoadReport>;
};

/** Starts keep-alive clients that count every outcome and never send a request twice. */
export function startLoad(options: LoadOptions): Load {
  const { port, connections = 8, total = Number.POSITIVE_INFINITY, deadlineMs = 60_000 } = options;
  const statuses: Record<string, number> = {};
  const errors: Record<string, number> = {};
  const failures: LoadFailure[] = [];
  const latencies: number[] = [];
  const startedAt = performance.now();
  let [sent, completed, failed, reconnects, stopping] = [0, 0, 0, 0, false];

  const fail = (failure: LoadFailure) => {
    failed += 1;
    if (failures.length < 20) failures.push(failure);
  };

  async function runClient(): Promise<void> {
    let connection: Connection | undefined;
    while (!stopping && sent < total) {
      const n = sent;
      sent += 1;
      if (options.rate !== undefined) await until(startedAt + (n / options.rate) * 1000);
      if (connection !== undefined && !connection.isOpen()) {
        reconnects += 1;
        connection = undefined;
      }
      connection ??= await openConnection(port);
      const sentAt = performance.now();
      const outcome = await connection.exchange(options.request?.(n) ?? {}, deadlineMs);
      const endedAt = performance.now();
      completed += 1;
      if (outcome.response === undefined) {
        errors[outcome.error] = (errors[outcome.error] ?? 0) + 1;
        fail({ n, what: outcome.error });
        connection.close();
        continue;
      }
      const { response } = outcome;
      latencies.push(endedAt - sentAt);
      statuses[response.status] = (statuses[response.status] ?? 0) + 1;
      const wrong = options.check
        ? options.check(response, n, { sentAt, endedAt })
        : response.status >= 500
          ? `status ${response.status}`
          : undefined;
      if (wrong !== undefined) fail({ n, what: wrong, response: response.raw.toString('latin1', 0, 2048) });
    }
    connection?.close();
  }

  const clients = Promise.all(Array.from({ length: connections }, runClient));
  const done = clients.then((): LoadReport => {
    const sorted = latencies.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    const latencyMs = { p50: at(0.5), p99: at(0.99), max: at(1) };
    return { requests: completed, statuses, errors, failed, failures, reconnects, latencyMs };
  });
  const stop = () => {
    stopping = true;
    return done;
  };
  return {
    completed: () => completed,
    failed: () => failed,
    async waitForRequests(more, deadline) {
      const target = completed + more;
      const options = deadline === undefined ? {} : { deadlineMs: deadline };
      await waitFor(`the load completes ${more} more requests`, () => completed >= target, options);
    },
    stop,
    done,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

type Outcome =
  | { readonly response: HttpResponse; readonly error?: undefined }
  | { readonly response?: undefined; readonly error: string };

type Connection = {
  readonly isOpen: () => boolean;
  readonly exchange: (request: RawRequest, deadlineMs: number) => Promise<Outcome>;
  readonly close: () => void;
};

async function openConnection(port: number): Promise<Connection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let method = 'GET';
  let pending: PromiseWithResolvers<Outcome> | undefined;
  let failure: string | undefined;
  let keep = true;
  const reader = new HttpReader({ kind: 'response', isBodyless: () => method === 'HEAD' });
  const settle = (outcome: Outcome) => {
    pending?.resolve(outcome);
    pending = undefined;
  };
  const end = (how: string) => {
    failure ??= how;
    const rest = pending === undefined ? undefined : reader.finish();
    if (rest === undefined) settle({ error: failure });
    else if (rest.truncated) settle({ error: 'truncated' });
    else settle({ response: { ...rest, status: statusOf(rest) } });
  };
  socket.on('data', (bytes: Buffer) => {
    reader.push(bytes);
    for (let message = reader.take(); message !== undefined; message = reader.take()) {
      const status = statusOf(message);
      if (status < 200) continue;
      keep &&= !/\bclose\b/i.test(message.header('connection') ?? '');
      settle({ response: { ...message, status } });
      if (!keep) socket.end();
    }
  });
  socket.once('error', (error: NodeJS.ErrnoException) => end(describeError(error)));
  socket.once('close', () => end('closed'));
  await connected(socket);
  return {
    isOpen: () => failure === undefined && keep && !socket.readableEnded,
    async exchange(request, deadlineMs) {
      if (failure !== undefined) return { error: failure };
      pending = Promise.withResolvers();
      const { promise } = pending;
      method = request.method ?? 'GET';
      socket.write(formatRequest(request, `127.0.0.1:${port}`));
      const timer = setTimeout(() => settle({ error: 'timeout' }), deadlineMs);
      return promise.finally(() => clearTimeout(timer));
    },
    close: () => void socket.destroy(),
  };
}

/** Resolves when the connection is made or has failed; the failure then shows in the first exchange. */
async function connected(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once('connect', resolve).once('close', () => resolve());
  await promise;
}

function describeError(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'refused';
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return 'reset';
  return error.code ?? error.message;
}

async function until(time: number): Promise<void> {
  const wait = time - performance.now();
  if (wait <= 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, wait);
  await promise;
}
