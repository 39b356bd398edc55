import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { chmod, link, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { StoreStartError } from '../store/failure.ts';
import type { SealedSecret, SecretRef, Store } from '../store/store.ts';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Seals secrets with AES-256-GCM: what they belong to is authenticated with them, so a sealed value moved to another place does not open.
 * Fingerprints and hashes of requests are keyed too, so that neither the database nor an export lets anyone try guesses.
 */
export class SecretSeal {
  readonly #sealKey: Uint8Array;
  readonly #fingerprintKey: Uint8Array;
  readonly #requestKey: Uint8Array;
  /** Tells two keys apart, and nothing else about them. */
  readonly keyId: Uint8Array;

  /** `key`: 32 random bytes. */
  constructor(key: Uint8Array) {
    if (key.length !== KEY_BYTES)
      throw new RangeError(`the secret key has ${key.length} bytes instead of ${KEY_BYTES}`);
    const derive = (use: string) => new Uint8Array(hkdfSync('sha256', key, '', `sluice ${use}`, KEY_BYTES));
    this.#sealKey = derive('seal');
    this.#fingerprintKey = derive('fingerprint');
    this.#requestKey = derive('request');
    this.keyId = derive('key id').subarray(0, 8);
  }

  /** What stands for a secret where it may be seen: `sha256:` and 16 hex digits. */
  fingerprint(secret: string): string {
    return `sha256:${createHmac('sha256', this.#fingerprintKey).update(secret, 'utf8').digest('hex').slice(0, 16)}`;
  }

  /** SHA-256, keyed, of a request that may hold secrets. */
  hashRequest(method: string, request: Uint8Array): Uint8Array {
    return new Uint8Array(createHmac('sha256', this.#requestKey).update(`${method}\0`).update(request).digest());
  }

  seal(ref: SecretRef, secret: string): SealedSecret {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#sealKey, nonce).setAAD(describe(ref));
    const ciphertext = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return { ...ref, nonce: new Uint8Array(nonce), ciphertext: new Uint8Array(ciphertext) };
  }

  /** The secret. Throws where it was sealed with another key, or for another place. */
  open(sealed: SealedSecret): string {
    const end = sealed.ciphertext.length - TAG_BYTES;
    const decipher = createDecipheriv('aes-256-gcm', this.#sealKey, sealed.nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(describe(sealed)).setAuthTag(sealed.ciphertext.subarray(end));
    return Buffer.concat([decipher.update(sealed.ciphertext.subarray(0, end)), decipher.final()]).toString('utf8');
  }
}

/**
 * Reads the key file, made with mode 0600 where it is missing, and makes sure that it is the key of this database. Rejects with a
 * StoreStartError.
 */
export async function openSecretSeal(path: string, store: Store): Promise<SecretSeal> {
  const seal = new SecretSeal(await readOrMakeKey(path));
  const known = await store.claimMeta('secret-key-id', seal.keyId);
  if (Buffer.compare(known, seal.keyId) === 0) return seal;
  throw new StoreStartError(
    `the secret key in ${path} is not the one that this database was written with`,
    'give the right file with --secret-key-file; every replica needs the same',
  );
}

async function readOrMakeKey(path: string): Promise<Uint8Array> {
  try {
    await makeKey(path);
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) {
      throw new StoreStartError(`others may read the secret key in ${path}`, `run: chmod 600 ${path}`);
    }
    const key = Buffer.from((await readFile(path, 'utf8')).trim(), 'base64');
    if (key.length === KEY_BYTES) return key;
    throw new StoreStartError(
      `${path} holds no secret key: 32 bytes in base64`,
      'restore the file, or choose another with --secret-key-file',
    );
  } catch (error) {
    if (error instanceof StoreStartError) throw error;
    throw new StoreStartError(
      `cannot use the secret key file ${path}: ${error instanceof Error ? error.message : String(error)}`,
      'correct its permissions, or choose another with --secret-key-file',
      { cause: error },
    );
  }
}

/** A link appears with its content or not at all, so a process that dies here leaves no half a key. */
async function makeKey(path: string): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  const known = await stat(path).catch(() => undefined);
  if (known !== undefined) return;
  await writeFile(draft, `${randomBytes(KEY_BYTES).toString('base64')}\n`, { mode: 0o600 });
  try {
    await chmod(draft, 0o600);
    await link(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Each part with its length: no two references read the same. */
function describe({ kind, name, field, fingerprint }: SecretRef): Buffer {
  return Buffer.from(JSON.stringify([kind, name, field, fingerprint]), 'utf8');
}
