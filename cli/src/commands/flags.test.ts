import type { Duration } from '@bufbuild/protobuf/wkt';
import { formatDuration } from '@sluice/engine';
import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import {
  collect,
  durationOption,
  readCount,
  readKind,
  readKindOrAll,
  readLabel,
  readRevision,
  readTimeMs,
} from './flags.ts';

describe('a kind', () => {
  test.each([
    ['route', 'Route'],
    ['Routes', 'Route'],
    ['policies', 'Policy'],
    ['POLICY', 'Policy'],
    ['node-groups', 'NodeGroup'],
    ['nodegroup', 'NodeGroup'],
    ['services', 'Service'],
  ])('may be written %s', (text, kind) => {
    expect(readKind(text)).toBe(kind);
  });

  test.each(['', 'rout', 'apikey', 'all', 'policys '])('is not %j', (text) => {
    expect(() => readKind(text)).toThrow(InvalidArgumentError);
  });

  test('may be all of them where a list is asked for', () => {
    expect(readKindOrAll('All')).toBe('all');
  });
});

describe('a time', () => {
  test.each([
    ['2027-01-01T00:00:00Z', '2027-01-01T00:00:00.000Z'],
    ['2027-01-01', '2027-01-01T00:00:00.000Z'],
    ['2027-01-01 12:30', '2027-01-01T12:30:00.000Z'],
    ['2027-01-01T12:30:15.25+02:00', '2027-01-01T10:30:15.250Z'],
  ])('%s is %s', (text, time) => {
    expect(new Date(readTimeMs(text)).toISOString()).toBe(time);
  });

  test.each(['', 'tomorrow', '2027-13-01', '2027-01-01T25:00', '01/02/2027'])('is not %j', (text) => {
    expect(() => readTimeMs(text)).toThrow(InvalidArgumentError);
  });
});

describe('a duration', () => {
  const option = durationOption('--timeout <duration>', 'how long', '1h', '30s');
  const parse = option.parseArg as unknown as (text: string) => Duration;
  const read = (text: string) => formatDuration(parse(text));

  test('is read in any unit up to the most there may be', () => {
    expect(['250ms', '5s', '60m', '1h'].map(read)).toEqual(['250ms', '5s', '1h', '1h']);
    expect(() => read('61m')).toThrow(/at most 1h/);
  });

  test('is shown in help as people write it', () => {
    expect(option.defaultValueDescription).toBe('30s');
  });

  test.each(['', '5', '-1s', '1.5s', 's'])('is not %j', (text) => {
    expect(() => read(text)).toThrow(InvalidArgumentError);
  });
});

test.each(['', '-1', '1.5', 'abc', '1e3', '12345678901234567890'])('%j is no revision', (text) => {
  expect(() => readRevision(text)).toThrow(InvalidArgumentError);
});

test.each(['', '0', '-1', 'x', '1.5'])('%j is no count', (text) => {
  expect(() => readCount(text)).toThrow(InvalidArgumentError);
});

test('a label is KEY=VALUE, and its value may be empty', () => {
  expect([readLabel('a=b'), readLabel('a=')]).toEqual(['a=b', 'a=']);
  for (const text of ['', 'a', '=b', 'a=b=c']) expect(() => readLabel(text)).toThrow(InvalidArgumentError);
});

test('an option that is given again adds to what was given', () => {
  expect(collect('b', collect('a'))).toEqual(['a', 'b']);
});
