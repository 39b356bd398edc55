import { createHash, timingSafeEqual } from 'node:crypto';
import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect';

/** SHA-256 of a token, as it is stored. Tokens are random, so that a slow hash would protect nothing. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/**
 * A gate that admits calls with `authorization: Bearer TOKEN` of the token with this hash. It runs before a body is read,
 * and takes as long for one wrong token as for another.
 */
export function createBearerGate(tokenHash: Uint8Array): (context: HandlerContext) => void {
  return (context) => {
    const [scheme, token, ...rest] = (context.requestHeader.get('authorization') ?? '').split(' ');
    if (scheme?.toLowerCase() !== 'bearer' || !token || rest.length > 0) {
      throw new ConnectError('a token is required: authorization: Bearer TOKEN', Code.Unauthenticated);
    }
    if (!timingSafeEqual(hashToken(token), tokenHash)) throw new ConnectError('wrong token', Code.Unauthenticated);
  };
}
