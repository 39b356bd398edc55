import { normalizePath } from '@sluice/engine';
import { HeaderId, joinedFieldValue, namedFieldValue, type ResponseHead } from '../../http1/index.ts';
import { sharedCacheCell } from '../../shared/index.ts';
import type { Exchange } from '../exchange.ts';
import { addressCell, addressOf } from './cache-key.ts';

/** Methods that change nothing (RFC 9110, 9.2.1). */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/**
 * What a request that was not a mere question has changed is asked for anew: its own address, and those that the answer names on the same
 * host (RFC 9111, 4.4). One that failed changed nothing.
 */
export function invalidateChanged(x: Exchange, head: ResponseHead): void {
  if (SAFE.has(x.head.method) || head.status >= 400) return;
  invalidate(x, addressOf(x));
  const { host } = x.head;
  if (host === null) return;
  for (const named of [joinedFieldValue(head, HeaderId.location), namedFieldValue(head, 'content-location')]) {
    const address = named === undefined ? undefined : addressOn(x, host.authority, named);
    if (address !== undefined) invalidate(x, address);
  }
}

function addressOn(x: Exchange, authority: string, reference: string): string | undefined {
  if (!URL.canParse(reference, `http://${authority}${x.path}`)) return undefined;
  const url = new URL(reference, `http://${authority}${x.path}`);
  if (url.host !== authority) return undefined;
  const path = normalizePath(url.pathname, x.listener);
  return typeof path === 'string' ? `${authority}${path}${url.search}` : undefined;
}

function invalidate(x: Exchange, address: string): void {
  const { shared, sharedCache } = x.context;
  // First: who finds it gone here is not to find it there.
  if (shared.sharedCache.exists) sharedCache.forget(sharedCacheCell('address', address));
  shared.invalidations.invalidate(addressCell(x, address));
}
