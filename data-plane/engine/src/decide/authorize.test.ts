import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../jwt/unique-json.ts';
import { type AuthorizationPlan, type Entitlements, findLack, namesIn } from './authorize.ts';

const nothing: AuthorizationPlan = { scopes: undefined, groups: undefined, claims: [] };
const caller = (
  scopes: readonly string[],
  groups: readonly string[] = [],
  claims: JsonObject | null = null,
): Entitlements => ({
  ...{ scopes: new Set(scopes), groups: new Set(groups), claims },
});

describe('what a caller lacks', () => {
  const members: AuthorizationPlan = {
    scopes: { allOf: ['read', 'write'], anyOf: [] },
    groups: { allOf: ['staff'], anyOf: ['north', 'south'] },
    claims: [],
  };

  test.each<[readonly string[], readonly string[], string | undefined]>([
    [['read', 'write', 'more'], ['staff', 'south'], undefined],
    [['read'], ['staff', 'south'], 'scopes'],
    [[], [], 'scopes'],
    [['read', 'write'], ['staff'], 'groups'],
    [['read', 'write'], ['north', 'south'], 'groups'],
  ])('with the scopes %j and the groups %j: %s', (scopes, groups, expected) => {
    expect(findLack(members, caller(scopes, groups))).toBe(expected);
  });

  test('of nothing that is asked for is nothing', () => {
    expect(findLack(nothing, caller([]))).toBeUndefined();
  });

  test.each<[JsonObject | null, string | undefined]>([
    [{ org: 'acme' }, undefined],
    [{ org: ['other', 'acme'] }, undefined],
    [{ org: 7 }, undefined],
    [{ org: true }, undefined],
    [{ org: ['x', 7] }, undefined],
    [{ org: 'ACME' }, 'claims'],
    [{ org: 'acme other' }, 'claims'],
    [{ org: 8 }, 'claims'],
    [{ org: false }, 'claims'],
    [{ org: null }, 'claims'],
    [{ org: { acme: 'acme' } }, 'claims'],
    [{ org: [['acme']] }, 'claims'],
    [{ org: [] }, 'claims'],
    [{}, 'claims'],
    [null, 'claims'],
  ])('with the claims %j: %s', (claims, expected) => {
    const org = { name: 'org', values: new Set(['acme', '7', 'true']) };
    expect(findLack({ ...nothing, claims: [org] }, caller([], [], claims))).toBe(expected);
  });

  test('of several claims is told where one of them is not met', () => {
    const claims = ['a', 'b'].map((name) => ({ name, values: new Set(['1']) }));
    expect(findLack({ ...nothing, claims }, caller([], [], { a: '1', b: '2' }))).toBe('claims');
    expect(findLack({ ...nothing, claims }, caller([], [], { a: '1', b: '1' }))).toBeUndefined();
  });

  test('is never what every object inherits', () => {
    const claims = [{ name: 'constructor', values: new Set([String(Object)]) }];
    expect(findLack({ ...nothing, claims }, caller([], [], {}))).toBe('claims');
  });
});

test.each<[unknown, string | undefined, readonly string[]]>([
  ['read write', ' ', ['read', 'write']],
  [' read  read ', ' ', ['read']],
  ['', ' ', []],
  ['read write', undefined, ['read write']],
  [['read write', 7, null, 'admin'], ' ', ['read write', 'admin']],
  [{ read: true }, ' ', []],
  [7, ' ', []],
  [undefined, ' ', []],
])('the names in a claim %j, split at %j, are %j', (value, separator, names) => {
  expect([...namesIn(value, separator)]).toEqual(names);
});
