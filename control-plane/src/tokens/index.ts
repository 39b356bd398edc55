/** What the TokenService does, without its transport. */
export { type EndedSecret, endTokens } from './end-tokens.ts';
export { forgetEnded } from './forget-ended.ts';
export { issueToken, type TokenContext } from './issue-token.ts';
export { keySetDocument } from './key-set-document.ts';
export { revokeToken } from './revoke-token.ts';
export { MAX_LIFETIME_MS, SigningKeys } from './signing-keys.ts';
export { verifyToken } from './verify-token.ts';
