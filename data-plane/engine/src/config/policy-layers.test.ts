import { describe, expect, test } from 'vitest';
import { addUpLimits, layersFor } from './policy-layers.ts';

describe('the layers of a route', () => {
  const layers = [
    { name: 'first', none: ['auth'] },
    { name: 'second', none: ['auth', 'timeout'] },
    { name: 'route', none: ['retry'] },
  ];
  test.each([
    ['cors', ['first', 'second', 'route']],
    ['auth', ['second', 'route']],
    ['timeout', ['second', 'route']],
    ['retry', ['route']],
  ])('that count for %s are those from the last that drops it on', (field, expected) => {
    expect(layersFor(layers, field).map(({ name }) => name)).toEqual(expected);
  });
});

test('a limit takes the place of an earlier one of its name', () => {
  const limits = ['a 1', 'b 1', 'a 2', 'c 1'];
  expect(addUpLimits(limits, (limit) => limit.slice(0, 1))).toEqual(['a 2', 'b 1', 'c 1']);
});
