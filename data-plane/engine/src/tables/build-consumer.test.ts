import { create } from '@bufbuild/protobuf';
import { ConsumerSchema } from '@sluice/proto';
import { expect, test } from 'vitest';
import { buildConsumer } from './build-consumer.ts';

test('an override has a limit slot of its own, named after its owner', () => {
  const asked: string[] = [];
  const algorithm = { case: 'tokenBucket' as const, value: { requests: 5, per: { seconds: 1n, nanos: 0 } } };
  const { plan } = buildConsumer(
    'mobile-app',
    create(ConsumerSchema, { rateLimits: [{ name: 'per-consumer', algorithm }] }),
    {
      route: () => 0,
      service: () => 0,
      endpoint: () => 0,
      limit: (id) => asked.push(id) + 6,
      policy: () => 0,
    },
  );
  expect(asked).toEqual(['Consumer/mobile-app/per-consumer']);
  expect(plan.overrides?.get('per-consumer')).toMatchObject({ id: asked[0], slot: 7, requests: 5, perMs: 1000 });
});
