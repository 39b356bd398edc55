import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseStrictJson } from './strict-json.ts';

const parse = (text: string | Buffer, maxDepth = 64) => {
  const bytes = Buffer.from(text as string);
  return parseStrictJson(bytes, bytes.length, maxDepth);
};
const reason = (text: string | Buffer, maxDepth?: number) => {
  const parsed = parse(text, maxDepth);
  return parsed.ok ? 'ok' : parsed.reason;
};

describe('strict JSON', () => {
  test('is what JSON.parse reads, whatever it holds', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), (text) => {
        fc.pre(!text.includes('__proto__'));
        expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) });
      }),
    );
  });

  test('has no name twice at any depth', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.json({ maxDepth: 3 }),
        fc.array(fc.boolean(), { maxLength: 20 }),
        (name, value, path) => {
          fc.pre(name !== '__proto__' && !value.includes('__proto__'));
          const twice = `{${JSON.stringify(name)}:${value},${JSON.stringify(name)}:${value}}`;
          expect(reason(path.reduce((inner, isArray) => (isArray ? `[${inner}]` : `{"a":${inner}}`), twice))).toBe(
            'has two members of one name',
          );
        },
      ),
    );
  });

  test.each([
    ['{"a":1,"\\u0061":2}', 'has two members of one name'],
    ['{"a":{"__proto__":1}}', 'has a member __proto__'],
    ['[{"\\u005f_proto__":1}]', 'has a member __proto__'],
    ['{"a":":,{[\\"","b":"\\\\"}', 'ok'],
    ['\ufeff{}', 'is not JSON'],
    ['', 'is not JSON'],
    ['{"a":"', 'is not JSON'],
    ['{"a":1}}', 'is not JSON'],
    ['{"a"::1}', 'is not JSON'],
    [' 1 ', 'ok'],
    ['1e400', 'ok'],
  ])('%s: %s', (text, expected) => {
    expect(reason(text)).toBe(expected);
  });

  test('nests up to its bound, however long it is', () => {
    expect(reason('[[[]]]', 3)).toBe('ok');
    expect(reason('[[[]]]', 2)).toBe('nests too deep');
    expect(reason('{"a":'.repeat(1_000_000))).toBe('nests too deep');
  });

  test('is UTF-8: no overlong forms, no halves of pairs', () => {
    expect(reason(Buffer.from('22c0af22', 'hex'))).toBe('is not UTF-8');
    expect(reason(Buffer.from('22eda08022', 'hex'))).toBe('is not UTF-8');
    expect(reason('"€😀"')).toBe('ok');
  });
});
