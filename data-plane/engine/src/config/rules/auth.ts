import type { ApiKeyAuth, AuthMethod } from '@sluice/proto';
import { checkNetwork } from './network.ts';
import { isFramingHeader } from './reserved-headers.ts';
import type { Rule } from './rule.ts';

/** Credentials are looked for in places that can hold one, each once. */
export const checkAuth: Rule = ({ spec }, report) => {
  if (spec.case !== 'policy' && spec.case !== 'route') return;
  const { authorization } = spec.value;
  for (const list of ['allow', 'deny'] as const) {
    authorization?.ip?.[list].forEach((network, i) => {
      const message = checkNetwork(network);
      if (message !== undefined) report({ field: `spec.authorization.ip.${list}[${i}]`, message });
    });
  }
  const first = new Map<string, number>();
  spec.value.auth?.anyOf.forEach(({ method }, i) => {
    const field = `spec.auth.anyOf[${i}]`;
    const header = headerOf(method);
    if (header !== undefined && (isFramingHeader(header) || header === 'host')) {
      report({ field: `${field}.${method.case}.header`, message: `${header} cannot hold a credential` });
    }
    const place = placeOf(method);
    const earlier = place === undefined ? undefined : first.get(place);
    if (place === undefined) return;
    if (earlier === undefined) first.set(place, i);
    else report({ field, message: `looks where anyOf[${earlier}] looks already` });
  });
};

function headerOf(method: AuthMethod['method']): string | undefined {
  switch (method.case) {
    case 'apiKey':
      return method.value.location.case === 'header' ? method.value.location.value.toLowerCase() : undefined;
    case 'jwt':
      return method.value.header.toLowerCase();
    case 'mtls':
    case undefined:
      return undefined;
    default:
      return method satisfies never;
  }
}

/** Where a method looks; two methods that look in one place can never both be of use, but for tokens of different issuers. */
function placeOf(method: AuthMethod['method']): string | undefined {
  if (method.case === 'mtls') return 'mtls';
  if (method.case !== 'apiKey') return undefined;
  return placeOfKey(method.value);
}

function placeOfKey({ location }: ApiKeyAuth): string {
  switch (location.case) {
    case undefined:
      return 'header x-api-key';
    case 'header':
      return `header ${location.value.toLowerCase()}`;
    case 'query':
    case 'cookie':
      return `${location.case} ${location.value}`;
    default:
      return location satisfies never;
  }
}
