import { create, type Message } from '@bufbuild/protobuf';
import { ResourceSchema, RouteSchema } from '@sluice/proto';
import { expect, test } from 'vitest';
import { findUnknownField } from './unknown-fields.ts';

const withUnknown = <T extends Message>(message: T): T => {
  message.$unknown = [{ no: 7, wireType: 0, data: new Uint8Array([1]) }];
  return message;
};

function route() {
  return create(RouteSchema, {
    match: [{ methods: ['GET'] }, { path: { kind: { case: 'prefix', value: '/' } }, headers: { 'x-a': {} } }],
    timeout: { seconds: 1n },
    requestBody: {
      set: { a: { kind: { case: 'boolValue', value: true } } },
    },
  });
}

test.each<[place: string | undefined, set: (given: ReturnType<typeof route>) => void]>([
  [undefined, () => undefined],
  ['number 7 in spec', withUnknown],
  ['number 7 in timeout in spec', ({ timeout }) => withUnknown(timeout!)],
  ['number 7 in match in spec', ({ match }) => withUnknown(match[1]!)],
  ['number 7 in path in match in spec', ({ match }) => withUnknown(match[1]!.path!)],
  ['number 7 in headers in match in spec', ({ match }) => withUnknown(match[1]!.headers['x-a']!)],
  ['number 7 in set in requestBody in spec', ({ requestBody }) => withUnknown(requestBody!.set.a!)],
])('a field that is not known is found wherever it is: %s', (place, set) => {
  const value = route();
  set(value);
  const resource = create(ResourceSchema, { name: 'r', spec: { case: 'route', value } });
  expect(findUnknownField(ResourceSchema, resource)).toBe(place);
});

test('also in the resource itself', () => {
  expect(findUnknownField(ResourceSchema, withUnknown(create(ResourceSchema)))).toBe('number 7');
});
