import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { SIGNING_KEY_KIND } from '@sluice/engine';
import { type SigningKey, SigningKeySchema } from '@sluice/proto';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair, importPKCS8 } from 'jose';
import type { ControlContext } from '../config/context.ts';
import { toUnavailable } from '../config/make-change.ts';
import { done, type Outcome, refused } from '../config/outcome.ts';
import { changeFacts } from '../facts/change-facts.ts';
import type { SealedSecret, SecretRef } from '../store/store.ts';
import { readBuiltInIssuer } from './built-in-issuer.ts';

/** A new key is on nodes for so long before it signs. The first has nothing to take over from, and signs at once. */
export const PUBLISH_AHEAD_MS = 60_000;
/** The longest lifetime that can be configured. */
export const MAX_LIFETIME_MS = 86_400_000;
/** How long after its successor signs a key's tokens are accepted: the longest lifetime and tolerance that can be configured. */
export const KEPT_MS = MAX_LIFETIME_MS + 300_000;
/** Keys at a time. More than this are only made where somebody rotates without need. */
const MAX_KEYS = 16;

/** What signs now. */
export interface ActiveSigningKey {
  readonly keyId: string;
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  /** It was made for this: nodes may not have it yet. */
  readonly madeInVersion: number | undefined;
}

/** The keys of the built-in issuer, those that signed before too. */
export function listSigningKeys({ state }: ControlContext): SigningKey[] {
  const keys: SigningKey[] = [];
  for (const { kind, content } of state.facts.itemsOf(SIGNING_KEY_KIND)) {
    if (kind === SIGNING_KEY_KIND) keys.push(fromBinary(SigningKeySchema, content));
  }
  return keys.sort((a, b) => signsFromMs(a) - signsFromMs(b));
}

export function signsFromMs({ signsFrom }: SigningKey): number {
  return signsFrom === undefined ? 0 : timestampDate(signsFrom).getTime();
}

/** Signs, rotates when it is time to, and keeps the private keys that were opened. */
export class SigningKeys {
  readonly #context: ControlContext;
  readonly #opened = new Map<string, Promise<CryptoKey>>();

  constructor(context: ControlContext) {
    this.#context = context;
  }

  /** The key that signs now. The first is made when it is asked for. */
  async active(): Promise<Outcome<ActiveSigningKey>> {
    const { state, now } = this.#context;
    await state.ready;
    let madeInVersion: number | undefined;
    if (this.#newestNow() === undefined) {
      const made = await this.#make((keys) => keys.length === 0, 0);
      if (!made.ok) return made;
      madeInVersion = made.value;
    } else if (this.#isDue(now().getTime())) {
      // What signs now goes on where it cannot be replaced at the moment.
      await this.#make(() => this.#isDue(now().getTime()), PUBLISH_AHEAD_MS);
    }
    const key = this.#newestNow();
    if (key === undefined)
      return refused({ kind: 'unavailable', message: 'there is no key to sign with', retryAfterMs: 1000 });
    try {
      return done({ keyId: key.keyId, algorithm: key.algorithm, privateKey: await this.#open(key), madeInVersion });
    } catch (error) {
      return refused(toUnavailable(error));
    }
  }

  /** Makes a key that signs as soon as all nodes have it for sure. */
  async rotate(author: string): Promise<Outcome<SigningKey>> {
    await this.#context.state.ready;
    const before = new Set(listSigningKeys(this.#context).map(({ keyId }) => keyId));
    const made = await this.#make(() => true, before.size === 0 ? 0 : PUBLISH_AHEAD_MS, author);
    if (!made.ok) return made;
    const key = listSigningKeys(this.#context).findLast(({ keyId }) => !before.has(keyId));
    return key === undefined ? refused({ kind: 'conflict', message: 'others rotate it too; try again' }) : done(key);
  }

  #newestNow(): SigningKey | undefined {
    const nowMs = this.#context.now().getTime();
    const keys = listSigningKeys(this.#context);
    return keys.findLast((key) => signsFromMs(key) <= nowMs) ?? keys[0];
  }

  /** The newest has signed for as long as it should, or is for another algorithm than is configured now. */
  #isDue(nowMs: number): boolean {
    const newest = listSigningKeys(this.#context).at(-1);
    const { signing } = readBuiltInIssuer(this.#context);
    if (newest === undefined) return true;
    return newest.algorithm !== signing.algorithm || nowMs >= signsFromMs(newest) + signing.rotateEveryMs;
  }

  async #make(
    isWanted: (keys: readonly SigningKey[]) => boolean,
    aheadMs: number,
    author = 'sluice',
  ): Promise<Outcome<number>> {
    const { seal, now } = this.#context;
    const { algorithm } = readBuiltInIssuer(this.#context).signing;
    const pair = await generateKeyPair(algorithm, { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    const keyId = await calculateJwkThumbprint(jwk);
    const pem = await exportPKCS8(pair.privateKey);
    const privateKey = seal.fingerprint(pem);
    const sealed: SealedSecret = seal.seal(refTo(keyId, privateKey), pem);
    return changeFacts(this.#context, () => {
      const keys = listSigningKeys(this.#context);
      if (!isWanted(keys)) return done(undefined);
      if (keys.length >= MAX_KEYS) {
        return refused({
          kind: 'failedPrecondition',
          message: `there are ${keys.length} keys already; the oldest go a day after they signed last`,
        });
      }
      const signsFrom = timestampFromDate(new Date(now().getTime() + aheadMs));
      const key = create(SigningKeySchema, { keyId, algorithm, publicKey: JSON.stringify(jwk), privateKey, signsFrom });
      return done({
        action: 'token.rotate',
        author,
        detail: algorithm,
        secrets: [sealed],
        items: [{ kind: SIGNING_KEY_KIND, name: keyId, content: toBinary(SigningKeySchema, key) }],
      });
    });
  }

  #open({ keyId, algorithm, privateKey }: SigningKey): Promise<CryptoKey> {
    const known = this.#opened.get(keyId);
    if (known !== undefined) return known;
    const opening = this.#read(keyId, algorithm, privateKey);
    if (this.#opened.size >= MAX_KEYS) this.#opened.clear();
    this.#opened.set(keyId, opening);
    opening.catch(() => this.#opened.delete(keyId));
    return opening;
  }

  async #read(keyId: string, algorithm: string, fingerprint: string): Promise<CryptoKey> {
    const { state, seal } = this.#context;
    const sealed = await state.ask((store) => store.readSecret(refTo(keyId, fingerprint)));
    if (sealed === undefined) throw new Error(`the private half of the signing key ${keyId} is not stored`);
    return await importPKCS8(seal.open(sealed), algorithm);
  }
}

function refTo(keyId: string, fingerprint: string): SecretRef {
  return { kind: SIGNING_KEY_KIND, name: keyId, field: 'privateKey', fingerprint };
}
