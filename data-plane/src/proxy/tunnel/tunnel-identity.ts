import type { Tables } from '@sluice/engine';
import type { Caller } from '../identity/caller.ts';
import { isKeyCaller, type KeyCaller } from '../identity/callers.ts';
import { TokenCaller } from '../identity/token-callers.ts';

/**
 * When who opened a tunnel was, or will be, revoked, Unix milliseconds: its consumer, its key, its token or that token's issuer was taken
 * away, or the secret that it presented, or exchanged for its token, was replaced and has its grace left. Infinity: not revoked. An end of
 * key or token that was known when the tunnel was opened is none.
 */
export function revokedAtMs(caller: Caller, tables: Tables): number {
  const { consumer } = caller;
  if (consumer !== null && tables.consumer(consumer.name) === undefined) return 0;
  if (isKeyCaller(caller)) return keyRevokedAtMs(caller, tables);
  if (caller instanceof TokenCaller) {
    const { issuer, claims, endMs } = caller;
    if (tables.issuer(issuer.name) === undefined) return 0;
    const revokedMs = tables.revokedFromMs(issuer.name, claims);
    return revokedMs < endMs ? revokedMs : Number.POSITIVE_INFINITY;
  }
  return Number.POSITIVE_INFINITY;
}

function keyRevokedAtMs({ apiKey, secretHash }: KeyCaller, tables: Tables): number {
  const now = tables.identify(secretHash);
  if (now === undefined || now.name !== apiKey.name || now.consumer.name !== apiKey.consumer.name) return 0;
  return now.expiresAtMs < apiKey.expiresAtMs ? now.expiresAtMs : Number.POSITIVE_INFINITY;
}
