import type { ConnectRouter } from '@connectrpc/connect';
import { TokenService } from '@sluice/proto';
import { issueToken, revokeToken, type TokenContext, verifyToken } from '../tokens/index.ts';
import { answerOf } from './errors.ts';

/** Tokens of the built-in issuer. `author` is who the audit says made a change. */
export function addTokenService(router: ConnectRouter, context: TokenContext, author: string): void {
  router.service(TokenService, {
    issueToken: async (request) => answerOf(await issueToken(context, request)),
    verifyToken: async (request) => answerOf(await verifyToken(context, request)),
    revokeToken: async (request) => answerOf(await revokeToken(context, request, author)),
    rotateSigningKey: async () => {
      const { keyId, signsFrom } = answerOf(await context.signingKeys.rotate(author));
      return { keyId, ...(signsFrom && { signsFrom }) };
    },
  });
}
