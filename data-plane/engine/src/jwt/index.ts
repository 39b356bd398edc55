export { endOf } from './check-claims.ts';
export { type TokenIssuer, type TokenRefusal, tokenRefusals } from './token-issuer.ts';
export { type JsonObject, memberOf } from './unique-json.ts';
export { MAX_TOKEN_LENGTH, type VerifiedToken, verifyToken } from './verify-token.ts';
