import { varyText } from '@sluice/engine';
import { HeaderId, joinedFieldValue } from '../../http1/index.ts';
import { type Hash64, keyPartInto } from '../../shared/index.ts';
import type { Exchange } from '../exchange.ts';
import type { CacheState } from './cache-state.ts';

/** Requests with a longer key go past the cache. */
export const MAX_KEY_LENGTH = 4096;

/**
 * What tells the answers of a route apart, before their Vary: all that the service sees of where a request goes. A trusted proxy in
 * front may say how and where the client asked; the service is told, so it is in the key.
 */
export function cacheKey(x: Exchange, state: CacheState, method: string): string {
  const { head, client, listener } = x;
  const isTrusted = client.peer.isTrusted(listener);
  let text = `${state.keyStart}${x.destination.plan.service.name}\n${method}\n`;
  if (isTrusted) {
    text += `${joinedFieldValue(head, HeaderId.forwardedProto) ?? ''}\n${joinedFieldValue(head, HeaderId.forwardedHost) ?? ''}\n`;
  }
  text += `${addressOf(x)}\n`;
  return state.plan.vary.length === 0 ? text : text + varyText(state.plan.vary, new VaryFields(x));
}

/** Host, path and query, as they are routed and forwarded. */
export function addressOf(x: Exchange): string {
  const { host } = x.head;
  return `${host === null ? '' : host.authority}${x.path}${x.query}`;
}

/** The key of the answers with this Vary. */
export function variantKey(x: Exchange, key: string, names: readonly string[]): string {
  return `${key}\n${varyText(names, new VaryFields(x))}`;
}

export function hashKeyInto(x: Exchange, key: string, out: Hash64): void {
  keyPartInto(x.context.shared.region.hashKey, 'cacheKey', key, out);
}

const addressHash: Hash64 = { lo: 0, hi: 0 };

/** The cell by which all answers of one address are invalidated. */
export function addressCell(x: Exchange, address: string): number {
  keyPartInto(x.context.shared.region.hashKey, 'cacheAddress', address, addressHash);
  return addressHash.lo;
}

/** A request's fields as its service sees them. */
class VaryFields {
  readonly #x: Exchange;

  constructor(x: Exchange) {
    this.#x = x;
  }

  field(name: string): string | undefined {
    return name === 'x-consumer' ? (this.#x.caller?.line ?? undefined) : this.#x.header(name);
  }
}
