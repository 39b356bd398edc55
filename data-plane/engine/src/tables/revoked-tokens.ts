import { type JsonObject, memberOf } from '../jwt/unique-json.ts';
import { type BuiltRevokedToken, SECRET_CLAIM, tokenKey, tokensOfSecret } from './build-token-facts.ts';
import { BUILT_IN_ISSUER } from './built-in-issuer.ts';

/** Tokens that were revoked, by their ids or with all that were exchanged for one secret of an API key. */
export class RevokedTokens {
  /** Keys of tokens by the names of the items that revoke them. */
  readonly #keys = new Map<string, string>();
  /** From when on, by key of tokens; Unix milliseconds. */
  readonly #fromMs = new Map<string, number>();

  /** From when on an issuer's token with these claims is revoked, Unix milliseconds. Infinity: it is not. Two lookups at most. */
  fromMs(issuer: string, claims: JsonObject): number {
    if (this.#fromMs.size === 0) return Number.POSITIVE_INFINITY;
    const id = memberOf(claims, 'jti');
    const byId = typeof id === 'string' ? this.#of(issuer, id) : Number.POSITIVE_INFINITY;
    if (issuer !== BUILT_IN_ISSUER) return byId;
    const secretId = memberOf(claims, SECRET_CLAIM);
    return typeof secretId === 'string' ? Math.min(byId, this.#of(issuer, tokensOfSecret(secretId))) : byId;
  }

  put({ name, key, fromMs }: BuiltRevokedToken): void {
    this.#keys.set(name, key);
    this.#fromMs.set(key, fromMs);
  }

  remove(name: string): void {
    this.#fromMs.delete(this.#keys.get(name) ?? '');
    this.#keys.delete(name);
  }

  #of(issuer: string, tokenId: string): number {
    return this.#fromMs.get(tokenKey(issuer, tokenId)) ?? Number.POSITIVE_INFINITY;
  }
}
