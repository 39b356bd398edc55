import type { ConnectRouter } from '@connectrpc/connect';
import { KeyService } from '@sluice/proto';
import type { ControlContext } from '../config/index.ts';
import { createKey, listKeys, revokeKey, rotateKey } from '../keys/index.ts';
import { answerOf } from './errors.ts';

/** API keys. `author` is who the audit says made a change. */
export function addKeyService(router: ConnectRouter, context: ControlContext, author: string): void {
  router.service(KeyService, {
    createKey: async (request) => answerOf(await createKey(context, request, author)),
    listKeys: async (request) => answerOf(await listKeys(context, request)),
    revokeKey: async (request) => answerOf(await revokeKey(context, request, author)),
    rotateKey: async (request) => answerOf(await rotateKey(context, request, author)),
  });
}
