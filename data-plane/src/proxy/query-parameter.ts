import { readQueryParameter } from '@sluice/engine';

/** A raw query (`?a=1&b=2`, or empty) without the parameters of that name, however they are escaped; the rest stays as it is. */
export function withoutQueryParameter(query: string, name: string): string {
  if (readQueryParameter(query, name) === undefined) return query;
  const kept = query
    .slice(1)
    .split('&')
    .filter((parameter) => readQueryParameter(parameter, name) === undefined);
  return kept.length === 0 ? '' : `?${kept.join('&')}`;
}

/**
 * The decoded value of a parameter. Undefined where there is none; empty where there are several: which of them counts, each server decides
 * its own way.
 */
export function onlyQueryParameter(query: string, name: string): string | undefined {
  const value = readQueryParameter(query, name);
  if (value === undefined) return undefined;
  let count = 0;
  for (const parameter of query.slice(1).split('&')) if (readQueryParameter(parameter, name) !== undefined) count++;
  return count > 1 ? '' : value;
}
