import { create, toBinary } from '@bufbuild/protobuf';
import { CLOSED, HALF_OPEN, OPEN } from '@sluice/engine';
import { BreakerState, StatusSchema } from '@sluice/proto';
import { expect, it } from 'vitest';
import { MAX_REPORTED_BREAKERS, type ServiceBreaker, selectBreakers } from './reported-breakers.ts';

const idle = (service: string): ServiceBreaker => ({ service, state: CLOSED, count: 0 });
const names = (breakers: readonly ServiceBreaker[]) => breakers.map(({ service }) => service);

it('reports all breakers where they are few, those that do something first', () => {
  const breakers = [
    idle('a'),
    { service: 'b', state: OPEN, count: 0 },
    idle('c'),
    { service: 'd', state: CLOSED, count: 1 },
    { service: 'e', state: HALF_OPEN, count: 0 },
  ];
  expect(names(selectBreakers(breakers))).toEqual(['b', 'd', 'e', 'a', 'c']);
  expect(names(selectBreakers(breakers, 5))).toEqual(['b', 'd', 'e', 'a', 'c']);
  expect(names(selectBreakers(breakers, 4))).toEqual(['b', 'd', 'e', 'a']);
  expect(names(selectBreakers(breakers, 2))).toEqual(['b', 'd']);
});

it('stays far below the bound of a message, however many there are and however long their names', () => {
  const all = Array.from({ length: 20_000 }, (_, i) => idle(String(i).padStart(63, 's')));
  const last = { service: 'z'.repeat(63), state: OPEN, count: 2 ** 32 - 1 };
  const reported = selectBreakers([...all, last]);
  expect(reported).toHaveLength(MAX_REPORTED_BREAKERS);
  expect(reported[0]).toBe(last);
  const breakers = reported.map(({ service }) => ({ service, state: BreakerState.OPEN, count: 2 ** 32 - 1 }));
  expect(toBinary(StatusSchema, create(StatusSchema, { breakers })).length).toBeLessThan(160 * 1024);
});
