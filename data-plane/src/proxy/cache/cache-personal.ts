import { fieldValue, HeaderId } from '../../http1/index.ts';
import type { Exchange } from '../exchange.ts';
import type { CacheState } from './cache-state.ts';

/** Whether the request says who asks in a way that the key does not. */
export function isPersonal(x: Exchange, state: CacheState): boolean {
  const { caller } = x;
  const isAuthorized = fieldValue(x.head, HeaderId.authorization) !== undefined;
  if (isAuthorized && state.byAuthorization) return false;
  if (caller !== null && caller.line !== '' && state.byConsumer) return false;
  return isAuthorized || caller !== null;
}
