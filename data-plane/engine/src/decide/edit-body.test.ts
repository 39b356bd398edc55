import { create, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { BodyEditsSchema } from '@sluice/proto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildBodyEdits } from '../tables/build-body-edits.ts';
import { editBody } from './edit-body.ts';

interface Edits {
  readonly rename?: Record<string, string>;
  readonly set?: Record<string, unknown>;
  readonly remove?: string[];
}

const NO_PARAMS: ReadonlyMap<string, string> = new Map();

function edit(edits: Edits, text: string, params = NO_PARAMS): string {
  const plan = buildBodyEdits(fromJson(BodyEditsSchema, edits as JsonValue));
  return editBody(plan, Buffer.from(text), JSON.parse(text), params).toString();
}

describe('edits of a body', () => {
  test.each<[Edits, string, string]>([
    [{ remove: ['a'] }, '{"a":1,"b":2}', '{"b":2}'],
    [{ remove: ['a'] }, '{"a":1}', '{}'],
    [{ remove: ['a'] }, ' { "b" : 2 } ', ' { "b" : 2 } '],
    [{ remove: ['a'] }, '{"\\u0061":{"a":[1,"}"]}, "b":{"a":1}}', '{"b":{"a":1}}'],
    [{ set: { a: 1 } }, '{}', '{"a":1}'],
    [{ set: { a: [true, null, { b: 'x' }] } }, '{"c":1,"a":2}', '{"c":1,"a":[true,null,{"b":"x"}]}'],
    [{ rename: { a: 'b' } }, '{"a":{"a":1}}', '{"b":{"a":1}}'],
    [{ rename: { a: 'b' } }, '{"a":1,"b":2}', '{"b":1}'],
    [{ rename: { a: 'b' } }, '{"b":2}', '{"b":2}'],
    [{ rename: { a: 'b', b: 'a' } }, '{"a":1,"b":2}', '{"b":1,"a":2}'],
    [{ rename: { a: 'b' }, set: { a: 3 } }, '{"a":1}', '{"b":1,"a":3}'],
    [{ rename: { a: '"' } }, '{"a":1}', '{"\\"":1}'],
    [{ remove: ['toString'] }, '{"a":1}', '{"a":1}'],
    [{ set: { a: 1 } }, '[{"a":2}]', '[{"a":2}]'],
    [{ set: { a: 1 } }, '"a"', '"a"'],
  ])('%j of %s: %s', (edits, text, expected) => {
    expect(edit(edits, text)).toBe(expected);
  });

  test('leave what they do not touch byte for byte: numbers beyond 2^53, escapes, spaces', () => {
    const kept = '"id":12345678901234567890,"n" : 1.0e-2 ,"s":"\\u00e9\\/"';
    expect(edit({ remove: ['x'] }, `{"x":0,${kept}}`)).toBe(`{${kept}}`);
  });

  test('put parameters of the path into strings, whatever they hold', () => {
    const params = new Map([['id', 'a"},{"b":"\u2028\ud83d\ude00']]);
    const edits = { set: { a: ['x-{id}-{id}', '{}', '{no name}'], '{id}': 1 } };
    expect(JSON.parse(edit(edits, '{}', params))).toEqual({
      a: [`x-${params.get('id')}-${params.get('id')}`, '{}', '{no name}'],
      '{id}': 1,
    });
  });

  test('do what they would do to the value', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', '', '"', 'é');
    fc.assert(
      fc.property(
        fc.dictionary(name, fc.jsonValue()),
        fc.uniqueArray(name, { maxLength: 2 }),
        fc.dictionary(name, fc.constantFrom('a', 'x', 'y', 'z'), { maxKeys: 2 }),
        fc.dictionary(name, fc.constantFrom<unknown>(1, 'v', null), { maxKeys: 2 }),
        fc.nat({ max: 2 }),
        (value, remove, rename, set, indent) => {
          // As configurations must be.
          fc.pre(remove.every((each) => !Object.hasOwn(rename, each) && !Object.hasOwn(set, each)));
          fc.pre(new Set(Object.values(rename)).size === Object.keys(rename).length);
          fc.pre(Object.values(rename).every((to) => !Object.hasOwn(set, to)));
          fc.pre(!JSON.stringify(value).includes('__proto__'));
          const moved = Object.entries(rename).filter(([from]) => Object.hasOwn(value, from));
          const expected: Record<string, unknown> = { ...value };
          for (const each of [...remove, ...moved.map(([from]) => from)]) delete expected[each];
          for (const [from, to] of moved) expected[to] = value[from];
          Object.assign(expected, set);
          const text = JSON.stringify(value, null, indent);
          expect(JSON.parse(edit({ remove, rename, set }, text))).toEqual(JSON.parse(JSON.stringify(expected)));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('have a bound of 1 MiB where none is given', () => {
    expect(buildBodyEdits(create(BodyEditsSchema)).maxBytes).toBe(1_048_576);
  });
});
