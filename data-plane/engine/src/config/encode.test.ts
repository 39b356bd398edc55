import { create } from '@bufbuild/protobuf';
import { type Resource, ResourceSchema } from '@sluice/proto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryResource } from '../manifest/testdata/arbitrary-resource.ts';
import { decodeResource, encodeResource } from './encode.ts';

const entries = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), fc.string()), { selector: ([key]) => key });

test('the order in which map entries are put in does not change the stored bytes', () => {
  fc.assert(
    fc.property(entries, entries, (labels, headers) => {
      const forward = encodeResource(makeRoute(labels, headers));
      const backward = encodeResource(makeRoute(labels.toReversed(), headers.toReversed()));
      expect(backward).toEqual(forward);
    }),
  );
});

test('stored bytes of any resource decode to a resource with the same stored bytes', () => {
  fc.assert(
    fc.property(arbitraryResource, (resource) => {
      const bytes = encodeResource(resource);
      expect(encodeResource(decodeResource(bytes))).toEqual(bytes);
    }),
    { numRuns: 300 },
  );
});

test('stored bytes decode to the same resource', () => {
  fc.assert(
    fc.property(entries, entries, (labels, headers) => {
      const route = makeRoute(labels, headers);
      expect(decodeResource(encodeResource(route))).toEqual(route);
    }),
  );
});

test('encoding leaves the resource as it was', () => {
  const route = makeRoute(
    [
      ['b', '1'],
      ['a', '2'],
    ],
    [
      ['y', '1'],
      ['x', '2'],
    ],
  );
  encodeResource(route);
  expect(Object.keys(route.labels)).toEqual(['b', 'a']);
});

function makeRoute(
  labels: readonly (readonly [string, string])[],
  headers: readonly (readonly [string, string])[],
): Resource {
  return create(ResourceSchema, {
    name: 'a',
    labels: Object.fromEntries(labels),
    spec: {
      case: 'route',
      value: {
        service: 's',
        match: [
          {
            headers: Object.fromEntries(
              headers.map(([name, value]) => [name, { kind: { case: 'exact' as const, value } }]),
            ),
          },
        ],
        requestBody: {
          set: Object.fromEntries(
            headers.map(([name, value]) => [
              name,
              {
                kind: {
                  case: 'structValue' as const,
                  value: {
                    fields: Object.fromEntries(
                      labels.map(([key]) => [key, { kind: { case: 'stringValue' as const, value } }]),
                    ),
                  },
                },
              },
            ]),
          ),
        },
      },
    },
  });
}
