/** Manifests whose nodes are of every wrong sort: each is a problem with a place, and nothing throws. */
import { describe, expect, test } from 'vitest';
import { parseManifests } from './parse-manifests.ts';

function problems(spec: string, head = 'kind: Policy\nname: p\n'): string[] {
  const parsed = parseManifests(`${head}spec:\n  ${spec}\n`, {
    file: 'in.yaml',
    readSource: (kind, reference) => {
      throw reference === 'text' ? 'no text' : new Error(`no ${kind}`);
    },
  });
  return parsed.problems.map(({ field, message }) => `${field}: ${message}`);
}

const route = 'kind: Route\nname: r\n';
const service = 'kind: Service\nname: s\n';

describe('a node of the wrong sort', () => {
  test.each<[string, string, string | undefined]>([
    ['timeout: [1s]', 'spec.timeout', undefined],
    ['timeout: {}', 'spec.timeout', undefined],
    ['timeout: ~', 'spec.timeout', undefined],
    ['timeout: 5', 'spec.timeout', undefined],
    ['accessLog: { sample: .inf }', 'spec.accessLog.sample: must be a number', undefined],
    ['accessLog: { sample: .nan }', 'spec.accessLog.sample: must be a number', undefined],
    ['accessLog: { sample: "1" }', 'spec.accessLog.sample: must be a number', undefined],
    ['accessLog: { sample: {} }', 'spec.accessLog.sample: must be a number, not a map', undefined],
    ['accessLog: { errors: 1 }', 'spec.accessLog.errors: must be true or false, not 1', undefined],
    ['accessLog: { errors: [] }', 'spec.accessLog.errors: must be true or false, not a list', undefined],
    ['accessLog: 1', 'spec.accessLog', undefined],
    ['mode: [dryRun]', 'spec.mode: must be one word, not a list', undefined],
    ['mode: 1', 'spec.mode: must be one of', undefined],
    ['mode: dryrun', 'spec.mode: must be one of', undefined],
    ['none: auth', 'spec.none', undefined],
    ['none: [[auth]]', 'spec.none[0]: must be text, not a list', undefined],
    ['none: [1]', 'spec.none[0]: must be text, not 1', undefined],
    ['requestHeaders: { set: [] }', 'spec.requestHeaders.set', undefined],
    ['requestHeaders: { set: { x-a: 1 } }', 'spec.requestHeaders.set["x-a"]: must be text', undefined],
    ['requestHeaders: { set: { 1: x } }', 'spec.requestHeaders.set: a key must be text', undefined],
    ['requestHeaders: { set: { [a]: x } }', 'spec.requestHeaders.set: a key must be text', undefined],
    ['requestHeaders: { set: { x-a: } }', 'spec.requestHeaders.set["x-a"]: has no value', undefined],
    ['requestHeaders: { set: { x-a }, set: { x-b: c } }', 'spec.requestHeaders.set: is there twice', undefined],
    ['requestHeaders: { set: { x-a: a, x-a: b } }', 'spec.requestHeaders.set["x-a"]: is there twice', undefined],
    ['validation: { requestSchema: x }', 'spec.validation.requestSchema', undefined],
    ['validation: { requestSchema: { file: [] } }', 'spec.validation.requestSchema.file: must be the path', undefined],
    ['validation: { requestSchema: { env: 1 } }', 'spec.validation.requestSchema.env: must be the name', undefined],
    [
      'validation: { requestSchema: { file: a } }',
      'spec.validation.requestSchema.file: cannot be read: no file',
      undefined,
    ],
    [
      'validation: { requestSchema: { env: text } }',
      'spec.validation.requestSchema.env: cannot be read: no text',
      undefined,
    ],
    ['validation: { requestSchema: { inline: a, file: b } }', 'spec.validation.requestSchema', undefined],
    ['validation: { maxBytes: [] }', 'spec.validation.maxBytes', undefined],
    ['validation: { maxBytes: -1 }', 'spec.validation.maxBytes', undefined],
    ['priority: 1.5', 'spec.priority: must be a whole number, not 1.5', route],
    ['priority: "5"', 'spec.priority: must be a number, not text', route],
    ['priority: 2147483648', 'spec.priority: must be -2147483648 to 2147483647', route],
    ['respond: { status: -1 }', 'spec.respond.status: must be 0 to 4294967295', route],
    ['respond: { status: 200, json: *none }', '', route],
    ['endpoints: [{ address: a, weight: x }]', 'spec.endpoints[0].weight', service],
    [`hosts: [${'a'.repeat(100)}: b]`, 'spec.hosts[0]: must be text, not a map', route],
    [`priority: ${'a'.repeat(100)}`, `spec.priority: must be a whole number, not "${'a'.repeat(59)}...`, route],
  ])('%s', (spec, expected, head) => {
    const said = problems(spec, head);
    expect(
      said.some((text) => text.startsWith(expected)),
      said.join('\n'),
    ).toBe(true);
  });
});

test('nothing is read for those who let nothing be read', () => {
  const text =
    'kind: Policy\nname: p\nspec: { validation: { requestSchema: { file: a } } }\n---\nkind: Policy\nname: q\nspec: { validation: { requestSchema: { env: a } } }\n';
  expect(parseManifests(text, { file: 'in.yaml' }).problems.map(({ message }) => message)).toEqual([
    'no file can be read here',
    'no variable can be read here',
  ]);
});
