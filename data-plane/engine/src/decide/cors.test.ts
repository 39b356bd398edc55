import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { CorsSchema } from '@sluice/proto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildCors } from '../tables/build-cors.ts';
import { allowsOrigin, preflightRefusal } from './cors.ts';

const plan = (cors: MessageInitShape<typeof CorsSchema>) => buildCors(create(CorsSchema, { origins: ['*'], ...cors }));

describe('an origin', () => {
  const { origins, ...rest } = plan({
    origins: [
      'https://app.example.com',
      'https://*.example.org:8443',
      'HTTP://Old.example:80',
      'capacitor://localhost',
    ],
  });

  test.each([
    ['https://app.example.com', true],
    ['https://a.example.org:8443', true],
    ['https://a.b.example.org:8443', true],
    ['http://old.example', true],
    ['capacitor://localhost', true],
    ['http://app.example.com', false],
    ['https://app.example.com:444', false],
    ['https://app.example.com.evil.example', false],
    ['https://example.org:8443', false],
    ['https://.example.org:8443', false],
    ['https://a.example.org', false],
    ['https://evil.example/.example.org:8443', false],
    ['https://evil.example#.example.org:8443', false],
    ['https://user@x.example.org:8443', false],
    ['https://evil.example:1.example.org:8443', false],
    ['null', false],
    ['', false],
    [`https://${'a'.repeat(300)}.example.org:8443`, false],
  ])('%s: %s', (origin, allowed) => {
    expect(allowsOrigin({ origins, ...rest }, origin)).toBe(allowed);
  });

  test('of a subdomain is one that a URL parser finds below the domain', () => {
    const wildcard = plan({ origins: ['https://*.example.org'] });
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9./:@#?%-]{0,20}$/), (middle) => {
        const origin = `https://${middle}.example.org`;
        if (!allowsOrigin(wildcard, origin)) return;
        const url = new URL(origin);
        expect([url.origin, url.hostname.endsWith('.example.org')]).toEqual([origin, true]);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a preflight', () => {
  const some = plan({ methods: ['PUT'], headers: ['X-A', 'authorization'] });
  const any = plan({ methods: ['*'], headers: ['*'] });

  test.each([
    ['the listed', some, 'PUT', 'x-a, Authorization', true],
    ['what needs no permission', some, 'POST', undefined, true],
    ['empty names', some, 'PUT', ',,x-a,', true],
    ['another method', some, 'DELETE', undefined, false],
    ['a method in another case', some, 'put', undefined, false],
    ['another header', some, 'PUT', 'x-a,x-b', false],
    ['any method and header', any, 'PATCH', 'x-anything', true],
    ['any header but authorization', any, 'GET', 'authorization', false],
    ['128 headers', any, 'GET', Array.from({ length: 128 }, () => 'x').join(), true],
    ['129 headers', any, 'GET', Array.from({ length: 129 }, () => 'x').join(), false],
  ])('for %s', (_, cors, method, headers, allowed) => {
    expect(preflightRefusal(cors, method, headers) === undefined).toBe(allowed);
  });
});
