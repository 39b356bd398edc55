/** What the TokenService does, without its transport. */
export { forgetEnded } from './forget-ended.ts';
export { issueToken, type TokenContext } from './issue-token.ts';
export { keySetDocument } from './key-set-document.ts';
export { revokeToken } from './revoke-token.ts';
export { SigningKeys } from './signing-keys.ts';
export { verifyToken } from './verify-token.ts';
