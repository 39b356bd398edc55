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
