import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateFile } from './private-file.ts';
import { hashToken } from './rpc/bearer-gate.ts';
import { StartError } from './start-error.ts';
import type { Store } from './store/store.ts';

/** The one token until there are finer identities. */
export interface BootstrapToken {
  readonly hash: Uint8Array;
  /** The token itself, where this machine knows it. */
  readonly secret: string | undefined;
  /** It was made now. */
  readonly isNew: boolean;
}

const tokenName = 'bootstrap';

/**
 * The token whose hash is in the database, or at the first start the one given or a random one. The data directory keeps it in
 * the file `token`, for its owner only.
 * @throws StartError where `given` is not the token of this database
 */
export async function loadBootstrapToken(
  store: Pick<Store, 'readToken' | 'claimToken'>,
  dataDir: string,
  given: string | undefined,
): Promise<BootstrapToken> {
  const path = join(dataDir, 'token');
  const kept = (await readFile(path, 'utf8').catch(() => '')).trim();
  const stored = await store.readToken(tokenName);
  if (stored === undefined) {
    const made = given ?? `slt_${randomBytes(32).toString('base64url')}`;
    const hash = await store.claimToken(tokenName, hashToken(made));
    if (isHashOf(hash, made)) {
      await writePrivateFile(path, `${made}\n`);
      return { hash, secret: made, isNew: true };
    }
    // Another replica's first start came first.
    return matchToken(hash, given, kept);
  }
  const token = matchToken(stored, given, kept);
  if (token.secret !== undefined && token.secret !== kept) await writePrivateFile(path, `${token.secret}\n`);
  return token;
}

function matchToken(hash: Uint8Array, given: string | undefined, kept: string): BootstrapToken {
  if (given !== undefined && !isHashOf(hash, given)) {
    throw new StartError('--token is not the token that was set at the first start on this database');
  }
  const secret = given ?? (kept !== '' && isHashOf(hash, kept) ? kept : undefined);
  return { hash, secret, isNew: false };
}

function isHashOf(hash: Uint8Array, token: string): boolean {
  const own = hashToken(token);
  return own.length === hash.length && timingSafeEqual(own, hash);
}
