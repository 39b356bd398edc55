import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Log } from '@sluice/engine';
import { reasonOf } from '../listeners.ts';
import { StartError } from '../start-error.ts';

/** An answer; a body in pieces is written as the client takes it, so that a large one stalls nothing. */
export interface AdminAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Iterable<string>;
}

export type AdminEndpoints = Readonly<Record<string, () => AdminAnswer>>;

export interface AdminServer {
  readonly host: string;
  readonly port: number;
  /** Another process still had the address. */
  readonly waits: boolean;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 256;
const RETRY_MS = 50;
/** A client that neither sends nor takes anything for so long is gone, or stuck: others need its place. */
const IDLE_MS = 30_000;

/**
 * Serves the node's own endpoints, for probes, scrapers and people. `takeover`: where another process has the address, this one
 * serves there as soon as that lets go of it, and goes on meanwhile.
 * @throws StartError where the address cannot be bound
 */
export async function startAdminServer(
  address: { host: string; port: number },
  endpoints: AdminEndpoints,
  takeover: boolean,
  log: Log,
  idleMs: number = IDLE_MS,
): Promise<AdminServer> {
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 10_000, maxHeaderSize: 16_384 },
    (request, response) => {
      answer(endpoints, request, response).catch((error: unknown) => {
        // A bug of ours: the traffic goes on.
        log.error('one of the own endpoints failed', { path: request.url, error: stackOf(error) });
        if (response.headersSent) response.destroy();
        else response.writeHead(500, { 'content-type': 'text/plain' }).end('The node failed on it: see its log.\n');
      });
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(idleMs);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('listening', resolve);
  const listen = (): void => void server.listen({ ...address, exclusive: true });
  let retry: NodeJS.Timeout | undefined;
  server.on('error', (error: NodeJS.ErrnoException) => {
    if (takeover && error.code === 'EADDRINUSE') {
      retry = setTimeout(listen, RETRY_MS);
      resolve();
      return;
    }
    reject(
      new StartError(
        `cannot listen on ${address.host}:${address.port} for the node's own endpoints (--admin): ${reasonOf(error)}`,
      ),
    );
  });
  listen();
  await promise;
  const bound = server.address();
  return {
    host: address.host,
    port: typeof bound === 'object' && bound !== null ? bound.port : address.port,
    waits: retry !== undefined,
    close: () => {
      clearTimeout(retry);
      return closeServer(server);
    },
  };
}

export function jsonAnswer(value: unknown, status = 200): AdminAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value, undefined, 2)}\n` };
}

/** `{ ...head, "NAME": [items] }`, written item by item. */
export function jsonListAnswer(
  head: Readonly<Record<string, unknown>>,
  name: string,
  items: Iterable<unknown>,
): AdminAnswer {
  return { status: 200, contentType: 'application/json', body: jsonList(head, name, items) };
}

function* jsonList(head: Readonly<Record<string, unknown>>, name: string, items: Iterable<unknown>): Generator<string> {
  const opening = JSON.stringify(head).slice(0, -1);
  yield `${opening}${opening === '{' ? '' : ','}${JSON.stringify(name)}:[`;
  let first = true;
  for (const item of items) {
    yield `${first ? '' : ','}\n${JSON.stringify(item)}`;
    first = false;
  }
  yield '\n]}\n';
}

async function answer(endpoints: AdminEndpoints, request: IncomingMessage, response: ServerResponse): Promise<void> {
  request.resume();
  const path = request.url?.split('?')[0] ?? '';
  const endpoint = Object.hasOwn(endpoints, path) ? endpoints[path] : undefined;
  if (endpoint === undefined) {
    const known = Object.keys(endpoints).join(' ');
    response.writeHead(404, { 'content-type': 'text/plain' }).end(`There is nothing here. There is: ${known}\n`);
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  const { status, contentType, body } = endpoint();
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' });
  if (request.method === 'HEAD') response.end();
  else if (typeof body === 'string') response.end(body);
  else await writePieces(response, body);
}

/** Gathers small pieces, waits for slow readers, and lets others run in between. */
async function writePieces(response: ServerResponse, pieces: Iterable<string>): Promise<void> {
  let gathered = '';
  for (const piece of pieces) {
    gathered += piece;
    // An empty piece asks for a pause.
    if (piece !== '' && gathered.length < 65_536) continue;
    const flowing = response.write(gathered);
    gathered = '';
    await new Promise<void>((resolve) => {
      if (flowing) {
        setImmediate(resolve);
        return;
      }
      const goOn = (): void => {
        response.off('drain', goOn).off('close', goOn);
        resolve();
      };
      response.on('drain', goOn).on('close', goOn);
    });
    if (response.destroyed) return;
  }
  response.end(gathered);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
