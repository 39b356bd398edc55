export { endOf } from './check-claims.ts';
export { MAX_KEY_SET_BYTES, type ParsedKeySet, parseKeySet } from './key-set.ts';
export { sharedKey } from './shared-key.ts';
export { type IssuerKeys, type TokenIssuer, type TokenRefusal, tokenRefusals } from './token-issuer.ts';
export { type JsonObject, memberOf } from './unique-json.ts';
export { MAX_TOKEN_LENGTH, type VerifiedToken, verifyToken } from './verify-token.ts';
