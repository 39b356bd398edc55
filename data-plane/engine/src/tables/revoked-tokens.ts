import { type JsonObject, memberOf } from '../jwt/unique-json.ts';
import { type BuiltRevokedToken, tokenKey } from './build-token-facts.ts';

/** Tokens that were revoked by their ids. */
export class RevokedTokens {
  /** Keys of tokens by the names of the items that revoke them. */
  readonly #keys = new Map<string, string>();
  readonly #revoked = new Set<string>();

  /** Whether an issuer's token with these claims is one. */
  has(issuer: string, claims: JsonObject): boolean {
    if (this.#revoked.size === 0) return false;
    const id = memberOf(claims, 'jti');
    return typeof id === 'string' && this.#revoked.has(tokenKey(issuer, id));
  }

  put({ name, key }: BuiltRevokedToken): void {
    this.#keys.set(name, key);
    this.#revoked.add(key);
  }

  remove(name: string): void {
    this.#revoked.delete(this.#keys.get(name) ?? '');
    this.#keys.delete(name);
  }
}
