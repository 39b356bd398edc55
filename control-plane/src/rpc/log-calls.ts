import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';
import type { Log, LogFields } from '@sluice/engine';
import { ConfigService, FleetService, KeyService, RegistryService, TokenService } from '@sluice/proto';
import { peerAddress } from './peer.ts';

/** What changes something: one line at info for each call. The rest is logged at debug. */
const writes: ReadonlySet<unknown> = new Set([
  ConfigService.method.apply,
  ConfigService.method.delete,
  ConfigService.method.rollback,
  KeyService.method.createKey,
  KeyService.method.revokeKey,
  KeyService.method.rotateKey,
  TokenService.method.revokeToken,
  TokenService.method.rotateSigningKey,
  RegistryService.method.registerInstance,
  RegistryService.method.deregisterInstance,
  FleetService.method.adoptNode,
  FleetService.method.resetBreaker,
  FleetService.method.purgeCache,
]);

/**
 * Logs each call when it ends, and turns what is thrown by mistake into `internal`: the stack goes to the log, the client
 * learns that it happened.
 */
export function logCalls(log: Log, now: () => number = () => performance.now()): Interceptor {
  return (next) => async (request) => {
    const startedAt = now();
    const level = writes.has(request.method) ? 'info' : 'debug';
    const end = (code: string, more: LogFields = {}) =>
      log[level](`${request.service.name}.${request.method.name}`, {
        code,
        ms: (now() - startedAt).toFixed(1),
        peer: request.contextValues.get(peerAddress),
        ...more,
      });
    const fail = (reason: unknown): ConnectError => {
      const error = translate(reason, request.signal);
      if (error.code === Code.Internal) {
        const stack = reason instanceof Error ? reason.stack : String(reason);
        log.error('a call failed by a mistake of ours', { method: request.method.name, stack });
      }
      end(codeToString(error.code), { reason: error.rawMessage });
      return error;
    };
    try {
      const response = await next(request);
      if (!response.stream) {
        end('ok', revisionOf(response.message));
        return response;
      }
      const { message: messages } = response;
      return {
        ...response,
        message: (async function* () {
          try {
            yield* messages;
            end('ok');
          } catch (reason) {
            throw fail(reason);
          }
        })(),
      };
    } catch (reason) {
      throw fail(reason);
    }
  };
}

function translate(reason: unknown, signal: AbortSignal): ConnectError {
  if (reason instanceof ConnectError) return reason;
  if (signal.aborted) return ConnectError.from(signal.reason, Code.Canceled);
  return new ConnectError('internal error', Code.Internal, undefined, undefined, reason);
}

function revisionOf(message: object): LogFields {
  if ('revision' in message && typeof message.revision === 'bigint') return { revision: message.revision };
  if ('factsVersion' in message && typeof message.factsVersion === 'bigint') return { facts: message.factsVersion };
  return {};
}
