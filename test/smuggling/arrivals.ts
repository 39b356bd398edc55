import type { StrictRequest } from '../harness/strict-requests.ts';
import type { Arrived } from './judge.ts';

/** A request that was read strictly, with the case it belongs to. */
export function arrivedOf({ method, target, fields, body }: StrictRequest): Arrived {
  const id = fields.find(([name]) => name === 'x-case')?.[1] ?? /^\/[ch]\/(\d{5})/.exec(target)?.[1] ?? '';
  return { method, target, id, body: body.toString('latin1') };
}

/** The requests with which a client sees that its connection goes on. */
export function isOwn({ target }: { readonly target: string }): boolean {
  return /^\/s\/\d{5}$|^\/c\/\d{5}\/first$/.test(target);
}
