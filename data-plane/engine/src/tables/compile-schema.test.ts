import { describe, expect, test } from 'vitest';
import { compileSchema, schemaProblem } from './compile-schema.ts';

const check = (schema: unknown, value: unknown): string | undefined => {
  const compiled = compileSchema(JSON.stringify(schema));
  if ('message' in compiled) throw new Error(compiled.message);
  return compiled(value);
};

describe('a compiled schema', () => {
  test.each<[unknown, unknown, string | undefined]>([
    [{ type: 'object' }, {}, undefined],
    [true, 1, undefined],
    [false, 1, 'nothing is allowed'],
    [{ required: ['constructor'] }, {}, "it must have required property 'constructor'"],
    [{ properties: { toString: { type: 'string' } } }, {}, undefined],
    [{ properties: { a: { pattern: '^a' } } }, { a: 'ba' }, '/a must match pattern "^a"'],
    [{ pattern: 'a' }, 'bab', undefined],
    [{ pattern: '(?i)A$' }, 'ba', undefined],
    [{ pattern: '^a$' }, 'a\n', 'it must match pattern "^a$"'],
    [
      { patternProperties: { '^x-': true }, additionalProperties: false },
      { y: 1 },
      'it must NOT have additional properties: y',
    ],
    [{ format: 'email' }, 'a@b.example', undefined],
    [{ format: 'email' }, 'a', 'it must match format "email"'],
    [{ format: 'date-time' }, `2020-01-01T00:00:00.${'0'.repeat(3_000)}Z`, 'it must match format "date-time"'],
    [{ format: 'int32' }, 2 ** 31, 'it must match format "int32"'],
    [{ type: 'number' }, Number.POSITIVE_INFINITY, 'it must be number'],
    [
      { uniqueItems: true },
      [
        { a: 1, b: [0] },
        { b: [-0], a: 1 },
      ],
      'it must not have two equal items',
    ],
    [{ uniqueItems: true }, [1, '1', true, 'true', null, 'null', [1], ['1'], {}, [], '{}', '{{}', '"', ''], undefined],
    [{ uniqueItems: false }, [1, 1], undefined],
    [{ prefixItems: [{ type: 'string' }], items: false }, ['a', 1], 'it must NOT have more than 1 items'],
    [{ unevaluatedProperties: false, properties: { a: true } }, { b: 1 }, 'it must NOT have unevaluated properties: b'],
    [{ properties: { a: { $ref: '#' } }, type: 'object' }, { a: { a: 1 } }, '/a/a must be object'],
    [{ allOf: [{ $ref: '#' }] }, 1, 'cannot be decided by the schema'],
    [
      { $defs: { n: { properties: { n: { $ref: '#/$defs/n' } }, type: 'object' } }, $ref: '#/$defs/n' },
      { n: { n: 1 } },
      '/n/n must be object',
    ],
  ])('%j, %j: %s', (schema, value, expected) => {
    expect(check(schema, value)).toBe(expected);
  });

  test('of two with one $id is each its own', () => {
    const id = 'https://schemas.example/one';
    expect(check({ $id: id, type: 'string' }, 'a')).toBeUndefined();
    expect(check({ $id: id, type: 'number' }, 'a')).toBe('it must be number');
    for (const type of ['object', 'array']) {
      expect(check({ $defs: { a: { $id: id, type } }, $ref: id }, 1)).toBe(`it must be ${type}`);
    }
    expect(schemaProblem(JSON.stringify({ $id: id, type: 'object' }))).toBeUndefined();
  });

  test('says what is wrong in few words, whatever names the value has', () => {
    const long = check({ additionalProperties: false }, { ['x'.repeat(100_000)]: 1 });
    expect(long?.length).toBeLessThanOrEqual(200);
  });
});

describe('a schema that does not compile', () => {
  test.each([
    ['{', 'is not JSON'],
    ['[]', 'is not a JSON Schema'],
    ['{"type":"text"}', '#/type: must be one of array, boolean'],
    ['{"minimum":"1"}', '#/minimum: must be number'],
    ['{"requred":[]}', 'has the keyword "requred", which draft 2020-12 does not know'],
    ['{"format":"colour"}', 'has the format "colour", which is not known'],
    ['{"$ref":"other.json"}', 'has the reference "other.json", which leads out of the schema'],
    ['{"$schema":"http://json-schema.org/draft-07/schema#"}', 'only draft 2020-12 is known'],
    ['{"$async":true}', '$async'],
    ['{"pattern":"(a)\\\\1"}', 'backreference'],
    ['{"pattern":"a)|(b"}', '")"'],
    ['{"type":"object","type":"array"}', 'has two members of one name'],
    ['{"properties":{"__proto__":false}}', 'has a member __proto__'],
  ])('%s: %s', (text, message) => {
    expect(schemaProblem(text)).toContain(message);
  });
});
