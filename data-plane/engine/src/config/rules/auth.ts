import type { ApiKeyAuth, AuthMethod } from '@sluice/proto';
import { mayHoldCredential } from './reserved-headers.ts';
import type { Rule } from './rule.ts';

/** Credentials are looked for in places that can hold one, each once. */
export const checkAuth: Rule = ({ spec }, report) => {
  if (spec.case !== 'policy' && spec.case !== 'route') return;
  const first = new Map<string, number>();
  spec.value.auth?.anyOf.forEach(({ method }, i) => {
    const field = `spec.auth.anyOf[${i}]`;
    const header = headerOf(method);
    if (header !== undefined && header !== '' && !mayHoldCredential(header)) {
      report({ field: `${field}.${method.case}.header`, message: `${header} cannot hold a credential` });
    }
    if (method.case === 'apiKey' && header === 'cookie') {
      report({
        field: `${field}.apiKey.header`,
        message: 'holds more than a credential',
        remedy: 'give cookie instead',
      });
    }
    for (const place of placesOf(method)) {
      const earlier = first.get(place);
      if (earlier === undefined) first.set(place, i);
      else if (earlier !== i) report({ field, message: `looks where anyOf[${earlier}] looks already` });
    }
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

/** Where a method looks, and for what: two that look for one thing in one place can never both be of use. */
function placesOf(method: AuthMethod['method']): readonly string[] {
  switch (method.case) {
    case 'apiKey':
      return [placeOfKey(method.value)];
    case 'jwt': {
      const header = method.value.header.toLowerCase() || 'authorization';
      return method.value.issuers.map((issuer) => `token of ${issuer} in ${header}`);
    }
    case 'mtls':
      return ['mtls'];
    case undefined:
      return [];
    default:
      return method satisfies never;
  }
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
