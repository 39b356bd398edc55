import { readPathParams } from '@sluice/engine';
import type { Exchange } from './exchange.ts';

const NONE: ReadonlyMap<string, string> = new Map();

/** The parameters of the path that matched, decoded; undefined where one is no UTF-8. Read only where `wanted`. */
export function decodedParams({ matched, path }: Exchange, wanted: boolean): ReadonlyMap<string, string> | undefined {
  if (!wanted || matched?.kind !== 'template') return NONE;
  const params = readPathParams(matched, path);
  try {
    return new Map([...params].map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch {
    return undefined;
  }
}
