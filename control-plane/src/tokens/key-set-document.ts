import { keySetMember } from '@sluice/engine';
import type { ControlContext } from '../config/context.ts';
import { listSigningKeys } from './signing-keys.ts';

/**
 * The public keys of the built-in issuer as a key set (RFC 7517, 5): those that sign, that will, and whose tokens may still be accepted.
 * Empty until the first token is issued.
 */
export function keySetDocument(context: ControlContext): string {
  return JSON.stringify({ keys: listSigningKeys(context).map(keySetMember) });
}
