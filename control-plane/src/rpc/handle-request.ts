import { Code, ConnectError, type ConnectRouter, createContextValues } from '@connectrpc/connect';
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node';
import type { Log } from '@sluice/engine';
import type { HttpRequest, HttpResponse, RequestHandler } from './one-port.ts';
import { cutCall, peerAddress } from './peer.ts';

/** What anybody may read: made when it is asked for. */
export interface PublicDocument {
  readonly contentType: string;
  /** How long others may keep it. */
  readonly maxAgeSeconds: number;
  readonly body: () => string;
}

/**
 * Serves a router's calls on node:http and node:http2. Unlike connectNodeAdapter it survives requests that are no URL or
 * name no host (400), and reports to our log.
 * Beside them, documents by their paths, without asking who wants them.
 */
export function createRequestHandler(
  router: ConnectRouter,
  log: Log,
  documents: ReadonlyMap<string, PublicDocument> = new Map(),
): RequestHandler {
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    const handler = handlers.get(path);
    if (handler === undefined) return answerDocument(request, response, documents.get(path));
    let call: ReturnType<typeof universalRequestFromNodeRequest>;
    try {
      const values = createContextValues()
        .set(peerAddress, peerOf(request))
        .set(cutCall, () => response.destroy());
      call = universalRequestFromNodeRequest(request, response, undefined, values);
    } catch {
      return answerEmpty(response, 400);
    }
    handler(call)
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch((reason: unknown) => {
        const error = ConnectError.from(reason);
        const gone = error.code === Code.Aborted || error.code === Code.Canceled || call.signal.aborted;
        log[gone ? 'debug' : 'warn']('an answer could not be sent', {
          method: handler.method.name,
          peer: peerOf(request),
          reason: error.message,
        });
        response.destroy();
      });
  };
}

function answerDocument(request: HttpRequest, response: HttpResponse, document: PublicDocument | undefined): void {
  if (document === undefined) {
    answerEmpty(response, 404);
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    answerEmpty(response, 405);
    return;
  }
  const body = document.body();
  response.setHeader('content-type', document.contentType);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.setHeader('cache-control', `public, max-age=${document.maxAgeSeconds}`);
  response.end(request.method === 'HEAD' ? '' : body);
}

function answerEmpty(response: HttpResponse, status: number): void {
  response.statusCode = status;
  response.end();
}

function peerOf(request: HttpRequest): string {
  const { remoteAddress = 'unknown', remotePort = 0 } = request.socket;
  return `${remoteAddress}:${remotePort}`;
}
