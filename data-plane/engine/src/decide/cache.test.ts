import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NO_DIRECTIVES, parseCacheControl } from './cache-control.ts';
import {
  isNotModified,
  isOriginError,
  judgeStored,
  requestDirectives,
  servesAsFallback,
  servesOnError,
} from './cache-request.ts';
import { type CachePlan, storedTimes } from './cache-response.ts';
import { MAX_VARY_NAMES, varyNames, varyText } from './cache-vary.ts';
import { parseHttpDate } from './http-date.ts';

const PLAN: CachePlan = {
  ttlMs: 0,
  keepsGet: true,
  keepsHead: false,
  vary: [],
  respectOrigin: true,
  maxBodyBytes: 1024,
  tags: [],
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  shared: false,
};
const NOW = Date.UTC(2026, 0, 1, 12);
const date = (offsetSeconds: number): string => new Date(NOW + offsetSeconds * 1000).toUTCString();
const arrived = (fields: Readonly<Record<string, string>>, status = 200, delayMs = 0) => ({
  status,
  delayMs,
  unixNowMs: NOW,
  field: (name: string) => fields[name],
});
const timesOf = (fields: Readonly<Record<string, string>>, plan: Partial<CachePlan> = {}, status = 200) =>
  storedTimes({ ...PLAN, ...plan }, arrived(fields, status), false);

describe('Cache-Control', () => {
  test.each([
    ['max-age=5', { maxAge: 5 }],
    ['MAX-AGE="5" , S-MaxAge=6', { maxAge: 5, sMaxAge: 6 }],
    [',, public,', { public: true }],
    ['max-age=5, max-age=3', { maxAge: 3 }],
    ['max-age=-1', { maxAge: 0 }],
    ['max-age', { maxAge: 0 }],
    ["max-age='5'", { maxAge: 0 }],
    ['max-age=5.0', { maxAge: 0 }],
    ['max-age=99999999999999999999', { maxAge: 2 ** 31 }],
    ['x="max-age=9, no-store", max-age=1', { maxAge: 1 }],
    ['private="x-a, x-b", no-cache="y"', { private: true, noCache: true }],
    ['proxy-revalidate, only-if-cached', { proxyRevalidate: true, onlyIfCached: true }],
    ['stale-while-revalidate=5, stale-if-error=6', { staleWhileRevalidate: 5, staleIfError: 6 }],
    ['must-understand, x-unknown=1', { mustUnderstand: true }],
    ['max-stale', { maxStale: Number.POSITIVE_INFINITY }],
    ['max-stale=4, min-fresh=2', { maxStale: 4, minFresh: 2 }],
    ['max-age=5, "', { maxAge: 5, noStore: true, noCache: true }],
    ['max-age =5', { noStore: true, noCache: true }],
  ])('%s', (text, said) => expect(parseCacheControl(text)).toEqual({ ...NO_DIRECTIVES, ...said }));

  test('is read in linear time, whatever it is', () => {
    for (const part of [' ', ',', '\t"', 'a=', 'a="', '\\"', 'max-age=1,']) {
      const startedMs = performance.now();
      parseCacheControl(part.repeat(65_536 / part.length));
      expect(performance.now() - startedMs).toBeLessThan(500);
    }
  });

  test('never throws, and no order of directives matters', () => {
    fc.assert(fc.property(fc.string(), (text) => parseCacheControl(text) !== undefined));
    const directive = fc.constantFrom(
      'no-store',
      'private',
      'max-age=3',
      'max-age=7',
      's-maxage=1',
      'public',
      'x="a,b"',
    );
    fc.assert(
      fc.property(fc.array(directive), (directives) => {
        expect(parseCacheControl(directives.join(', '))).toEqual(parseCacheControl(directives.toReversed().join(',')));
      }),
    );
  });
});

describe('how long an answer is kept', () => {
  test.each([
    [{ 'cache-control': 'max-age=5' }, 5000],
    [{ 'cache-control': 'max-age=5, s-maxage=9' }, 9000],
    [{ 'cache-control': 'max-age=5', expires: date(-9) }, 5000],
    [{ expires: date(60), date: date(-10) }, 70_000],
    [{ expires: date(60), date: 'never' }, 60_000],
    [{ expires: '0', etag: '"1"' }, 0],
    [{ 'cache-control': 'no-cache, max-age=5', etag: '"1"' }, 0],
    [{ 'cache-control': 'max-age=5', age: 'x', etag: '"1"' }, 0],
  ])('%o: %i ms', (fields, lifetimeMs) => expect(timesOf(fields)).toMatchObject({ lifetimeMs }));

  test.each([
    [{}],
    [{ etag: '"1"' }],
    [{ expires: '0' }],
    [{ 'cache-control': 'no-store, max-age=5' }],
    [{ 'cache-control': 'private, max-age=5' }],
    [{ 'cache-control': 'private="set-cookie", max-age=5' }],
    [{ 'cache-control': 'max-age=5', 'set-cookie': 'a=b' }],
    [{ 'cache-control': 'max-age=5', vary: 'accept, *' }],
    [{ 'cache-control': 'max-age=5', age: '5' }],
    [{ 'cache-control': 'max-age=5, must-understand, no-store' }],
  ])('%o: not', (fields) => expect(timesOf(fields)).toBeUndefined());

  test('is what the route says where the origin does not, for what may be kept so', () => {
    expect(timesOf({}, { ttlMs: 7 })).toMatchObject({ lifetimeMs: 7 });
    expect(timesOf({}, { ttlMs: 7 }, 404)).toMatchObject({ lifetimeMs: 7 });
    for (const status of [201, 302, 500, 503]) expect(timesOf({}, { ttlMs: 7 }, status)).toBeUndefined();
    expect(timesOf({ 'cache-control': 'max-age=1' }, {}, 503)).toMatchObject({ lifetimeMs: 1000 });
    for (const status of [101, 206, 304, 401])
      expect(timesOf({ 'cache-control': 'max-age=1' }, {}, status)).toBeUndefined();
    expect(timesOf({ 'cache-control': 'max-age=0' }, { ttlMs: 7, respectOrigin: false })).toMatchObject({
      lifetimeMs: 7,
    });
    expect(timesOf({ 'cache-control': 'max-age=1, must-understand' }, {}, 599)).toBeUndefined();
    expect(timesOf({ 'cache-control': 'max-age=1, must-understand' }, {}, 404)).toBeDefined();
    expect(timesOf({ 'cache-control': 'private' }, { ttlMs: 7, respectOrigin: false })).toBeUndefined();
  });

  test('counts from where it was made: by Age, Date and the time on the way, whichever is most', () => {
    const age = (fields: Readonly<Record<string, string>>, delayMs: number) =>
      storedTimes(PLAN, arrived({ 'cache-control': 'max-age=99', ...fields }, 200, delayMs), false)?.initialAgeMs;
    expect(age({}, 40)).toBe(40);
    expect(age({ age: '3' }, 40)).toBe(3040);
    expect(age({ date: date(-10) }, 0)).toBe(9000);
    expect(age({ date: date(10), age: '2' }, 0)).toBe(2000);
  });

  test('for one caller is for no other, unless the origin says so', () => {
    const personal = (control: string) => storedTimes(PLAN, arrived({ 'cache-control': control }), true);
    expect(personal('max-age=5')).toBeUndefined();
    for (const word of ['public', 'must-revalidate', 's-maxage=5'])
      expect(personal(`max-age=5, ${word}`)).toBeDefined();
  });
});

test('the words of the origin hold for stale answers, over those of the route', () => {
  const plan = { staleWhileRevalidateMs: 7000, staleIfErrorMs: 8000 };
  const windows = (control: string) => {
    const times = timesOf({ 'cache-control': control }, plan);
    return [times?.whileRevalidateMs, times?.ifErrorMs];
  };
  expect(windows('max-age=5, stale-while-revalidate=1, stale-if-error=2')).toEqual([1000, 2000]);
  expect(windows('max-age=5')).toEqual([7000, 8000]);
  expect(windows('max-age=5, proxy-revalidate, stale-if-error=2')).toEqual([0, 0]);
});

test('an answer that Expires from a Date counts between the two, also where the clock of the origin is off', () => {
  expect(timesOf({ expires: date(70), date: date(60) })?.lifetimeMs).toBe(10_000);
  expect(timesOf({ expires: date(10), date: 'yesterday' })?.lifetimeMs).toBe(10_000);
  expect(timesOf({ expires: date(10) })?.lifetimeMs).toBe(10_000);
});

test('a status that is not kept by itself is kept for as long as the route says where it is public', () => {
  expect(timesOf({ 'cache-control': 'public' }, { ttlMs: 5000 }, 201)?.lifetimeMs).toBe(5000);
  expect(timesOf({ 'cache-control': 'must-understand' }, { ttlMs: 5000 }, 201)).toBeUndefined();
});

describe('what is kept', () => {
  const times = {
    initialAgeMs: 0,
    lifetimeMs: 10_000,
    whileRevalidateMs: 5000,
    ifErrorMs: 20_000,
    mustRevalidate: false,
  };
  const judge = (ageMs: number, control?: string, more = {}) =>
    judgeStored({ ...times, ...more }, ageMs, requestDirectives(control, undefined));

  test('is fresh, then stale and fetched again, then only stale', () => {
    expect([9999, 10_000, 14_999, 15_000].map((ageMs) => judge(ageMs))).toEqual([
      'fresh',
      'whileRevalidate',
      'whileRevalidate',
      'stale',
    ]);
  });

  test('serves a request as that says', () => {
    expect(judge(0, 'no-cache')).toBe('stale');
    expect(requestDirectives(undefined, 'a, No-Cache')?.noCache).toBe(true);
    expect(requestDirectives('x', 'no-cache')?.noCache).toBe(false);
    expect([judge(5000, 'max-age=5'), judge(5001, 'max-age=5')]).toEqual(['fresh', 'stale']);
    expect([judge(8000, 'min-fresh=2'), judge(8001, 'min-fresh=2')]).toEqual(['fresh', 'stale']);
    expect([judge(40_000, 'max-stale=30'), judge(40_001, 'max-stale=30')]).toEqual(['fresh', 'stale']);
    expect(judge(40_000, 'max-stale', { mustRevalidate: true })).toBe('stale');
    expect([judge(12_000, 'max-age=20'), judge(12_000, 'x')]).toEqual(['stale', 'whileRevalidate']);
  });

  test('serves where the origin fails for its time, and never where it has to be asked about', () => {
    expect([servesOnError(times, 29_999), servesOnError(times, 30_000)]).toEqual([true, false]);
    expect([servesAsFallback(times, 600, 600), servesAsFallback(times, 601, 600)]).toEqual([true, false]);
    expect(servesOnError({ ...times, mustRevalidate: true }, 0)).toBe(false);
    const statuses = [200, 404, 499, 500, 501, 502, 503, 504, 505];
    expect(statuses.filter(isOriginError)).toEqual([500, 502, 503, 504]);
    expect(servesAsFallback({ ...times, mustRevalidate: true }, 0, 600)).toBe(false);
  });

  test.each([
    ['"a"', '"a"', true],
    ['W/"a"', '"a"', true],
    ['"x", W/"a"', 'W/"a"', true],
    ['*', '"a"', true],
    ['"x,"', '"x,"', true],
    ['"b"', '"a"', false],
    ['a', '"a"', false],
    ['"a', '"a"', false],
  ])('If-None-Match %s of %s: %s', (ifNoneMatch, etag, expected) => {
    const asked = { ifNoneMatch, ifModifiedSince: date(0) };
    expect(isNotModified(asked, etag, NOW, (text) => parseHttpDate(text, NOW))).toBe(expected);
  });

  test('is known by its date where no tag is asked about', () => {
    const asked = { ifNoneMatch: undefined, ifModifiedSince: date(0) };
    const known = (modifiedMs: number | undefined) =>
      isNotModified(asked, undefined, modifiedMs, (text) => parseHttpDate(text, NOW));
    expect([known(NOW), known(NOW + 1), known(undefined)]).toEqual([true, false, false]);
  });
});

describe('Vary', () => {
  test('is names, whatever their order and case, and as many as are believed', () => {
    expect(varyNames(' B,a,, b')).toEqual(['a', 'b']);
    expect(varyNames('a b')).toBeUndefined();
    const names = (count: number) => Array.from({ length: count }, (_, i) => `x${i}`).join();
    expect(varyNames(names(MAX_VARY_NAMES))).toHaveLength(MAX_VARY_NAMES);
    expect(varyNames(names(MAX_VARY_NAMES + 1))).toBeUndefined();
  });

  test('tells requests apart exactly by their values', () => {
    const value = fc.option(fc.constantFrom('a', 'b', 'a,b', 'a, b', ''), { nil: undefined });
    fc.assert(
      fc.property(fc.tuple(value, value), fc.tuple(value, value), (one, other) => {
        const text = ([x, y]: readonly [string | undefined, string | undefined]) =>
          varyText(['x', 'y'], { field: (name) => (name === 'x' ? x : y) });
        const normal = (v: string | undefined) => v?.replace(', ', ',');
        const isSame = normal(one[0]) === normal(other[0]) && normal(one[1]) === normal(other[1]);
        expect(text(one) === text(other)).toBe(isSame);
      }),
    );
  });
});
