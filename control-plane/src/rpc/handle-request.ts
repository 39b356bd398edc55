import { Code, ConnectError, type ConnectRouter, createContextValues } from '@connectrpc/connect';
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node';
import type { Log } from '@sluice/engine';
import type { HttpRequest, HttpResponse, RequestHandler } from './one-port.ts';
import { cutCall, peerAddress } from './peer.ts';

/**
 * Serves a router's calls on node:http and node:http2. Unlike connectNodeAdapter it survives requests that are no URL or
 * name no host (400), and reports to our log.
 */
export function createRequestHandler(router: ConnectRouter, log: Log): RequestHandler {
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    const handler = handlers.get(request.url?.split('?', 1)[0] ?? '');
    if (handler === undefined) return answerEmpty(response, 404);
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

function answerEmpty(response: HttpResponse, status: number): void {
  response.statusCode = status;
  response.end();
}

function peerOf(request: HttpRequest): string {
  const { remoteAddress = 'unknown', remotePort = 0 } = request.socket;
  return `${remoteAddress}:${remotePort}`;
}
