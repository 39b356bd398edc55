import { describe, expect, test } from 'vitest';
import { type ParsedManifests, parseManifests } from './parse-manifests.ts';

const parse = (text: string) => parseManifests(text, { file: 'in.yaml' });
const messages = ({ problems }: ParsedManifests) =>
  problems.map(({ line, column, message }) => `${line}:${column} ${message}`);

describe('a field of a document', () => {
  const [first, second] = parse(`
kind: Service
name: s
spec:
  endpoints:
    - address: 10.0.0.1:80
---
kind: Route
name: r
spec:
  match:
    - path: { prefix: /a }
      headers:
        x-a.b: { exact: "1" }
`).documents;

  test.each([
    ['', 8],
    ['name', 9],
    ['spec', 10],
    ['spec.match[0]', 12],
    ['spec.match[0].path.prefix', 12],
    ['spec.match[0].headers["x-a.b"].exact', 14],
    ['spec.match[0].headers["other"]', 13],
    ['spec.match[7].path', 11],
    ['spec.service', 10],
    ['labels["team"]', 8],
  ])('%j is found on line %i, or what is around it', (field, line) => {
    expect(second?.lineOf(field)).toBe(line);
  });

  test('has a column, in the document it is in', () => {
    expect(first?.positionOf('spec.endpoints[0].address')).toEqual({ line: 6, column: 7 });
    expect(first?.lineOf('no path!')).toBeUndefined();
  });
});

describe('a text', () => {
  test.each([[''], ['# nothing\n'], ['---\n---\n'], ['---\n# a\n---\n# b\n...\n']])(
    'without documents, %j, has no problems',
    (text) => {
      expect(parse(text)).toEqual({ documents: [], partial: [], problems: [] });
    },
  );

  test('may be JSON, indented with tabs, and may end lines with CRLF', () => {
    const group = { kind: 'NodeGroup', name: 'eu', spec: { description: 'a' } };
    expect(parse(JSON.stringify(group, null, '\t')).documents).toHaveLength(1);
    const text =
      'kind: NodeGroup\r\nname: eu\r\nspec:\r\n  description: a\r\n---\r\nkind: NodeGroup\r\nname: 5\r\nspec: {}\r\n';
    const { documents, problems } = parse(text);
    expect(documents[0]?.resource.spec.value).toMatchObject({ description: 'a' });
    expect(problems.map(({ line }) => line)).toEqual([7]);
  });

  test('may name a resource once', () => {
    const text = 'kind: NodeGroup\nname: eu\nspec: {}\n';
    const parsed = parse(`${text}---\n${text}`);
    expect(parsed.documents).toHaveLength(1);
    expect(messages(parsed)).toEqual(['5:1 NodeGroup "eu" is on line 1 already']);
  });

  test('with a fault in one document is read in the others', () => {
    const parsed = parse('kind: NodeGroup\nname: a\nspec: }\n---\nkind: NodeGroup\nname: b\nspec: {}\n');
    expect(parsed.documents.map(({ name }) => name)).toEqual(['b']);
    expect(parsed.problems.every(({ line }) => line === 3)).toBe(true);
  });
});

describe('aliases', () => {
  test('stand for what they name', () => {
    const { documents, problems } = parse(
      'kind: Policy\nname: p\nspec:\n  requestHeaders: &edits { remove: [x-a] }\n  responseHeaders: *edits\n',
    );
    expect(problems).toEqual([]);
    expect(documents[0]?.resource.spec.value).toMatchObject({ responseHeaders: { remove: ['x-a'] } });
  });

  test('that multiply without end are refused', () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) =>
        `${
          i === 0
            ? '&a0 [x]'
            : `&a${i} [${Array(12)
                .fill(`*a${i - 1}`)
                .join(', ')}]`
        }`,
    );
    const set = levels.map((level, i) => `      k${i}: ${level}`).join('\n');
    const parsed = parse(`kind: Route\nname: r\nspec:\n  requestBody:\n    set:\n${set}\n`);
    expect(parsed.documents).toEqual([]);
    expect(parsed.problems.length).toBeGreaterThan(0);
    expect(parsed.problems[0]?.message).toMatch(/aliases make this document too large/);
  });

  test('that hold themselves, and those of nothing, are refused', () => {
    const own = parse('kind: Route\nname: r\nspec:\n  requestBody: { set: { a: &a [*a] } }\n');
    expect(messages(own)).toEqual([expect.stringMatching(/nested more than 32 levels/)]);
    expect(messages(parse('kind: NodeGroup\nname: *none\nspec: {}\n'))).toHaveLength(1);
  });
});

test('what is nested too deeply is refused', () => {
  for (const depth of [100, 1_000, 20_000]) {
    const text = `kind: Route\nname: r\nspec:\n  requestBody: { set: { a: ${'['.repeat(depth)}${']'.repeat(depth)} } }\n`;
    const parsed = parse(text);
    expect(parsed.documents).toEqual([]);
    expect(parsed.problems.length).toBeGreaterThan(0);
    expect(parsed.problems.length).toBeLessThan(5);
  }
});

test('a key that objects cannot have is refused', () => {
  const parsed = parse('kind: Route\nname: r\nspec:\n  match: [{ headers: { __proto__: { present: true } } }]\n');
  expect(messages(parsed)).toEqual(['4:24 "__proto__" cannot be a key']);
});
