import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { HeaderEditsSchema } from '@sluice/proto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildHeaderEdits, concatenateHeaderEdits } from './build-header-edits.ts';
import { CannotBuild } from './cannot-build.ts';
import type { HeaderEditsPlan } from './plan.ts';

type EditsInit = MessageInitShape<typeof HeaderEditsSchema>;

const build = (edits: EditsInit): HeaderEditsPlan => buildHeaderEdits(create(HeaderEditsSchema, edits));
const joined = (earlier: EditsInit, later: EditsInit) => concatenateHeaderEdits(build(earlier), build(later))!;

/** What headers become, as whoever sends them does it. */
function edit(headers: readonly string[], { removed, lines }: HeaderEditsPlan): string[] {
  const kept = headers.filter((line) => !removed.has(line.slice(0, line.indexOf(':')).toLowerCase()));
  return [...kept, ...lines.split('\r\n').filter((line) => line !== '')];
}

describe('edits after edits', () => {
  test.each<[string, EditsInit, EditsInit, string[]]>([
    [
      'a later set takes the place of an earlier one, whatever the case',
      { set: { 'X-A': '1' } },
      { set: { 'x-a': '2' } },
      ['x-a: 2'],
    ],
    ['a later set puts back what an earlier one removes', { remove: ['x-a'] }, { set: { 'X-A': '1' } }, ['X-A: 1']],
    ['a later add puts back what an earlier one removes', { remove: ['x-a'] }, { add: { 'x-a': '1' } }, ['x-a: 1']],
    ['a later remove takes out what an earlier one sets', { set: { 'X-A': '1' } }, { remove: ['x-a'] }, []],
    ['a later remove takes out what an earlier one adds', { add: { 'x-a': '1' } }, { remove: ['X-A'] }, []],
    ['a later add comes beside an earlier set', { set: { 'x-a': '1' } }, { add: { 'x-a': '2' } }, ['x-a: 1', 'x-a: 2']],
    ['a later set takes the place of an earlier add', { add: { 'x-a': '1' } }, { set: { 'x-a': '2' } }, ['x-a: 2']],
  ])('%s', (_, earlier, later, expected) => {
    expect(edit(['X-a: 0'], joined(earlier, later))).toEqual(expected);
  });

  test('are what making the one and then the other is', () => {
    const name = fc.constantFrom('x-a', 'X-A', 'x-b', 'X-b');
    const value = fc.constantFrom('', '1', 'a: b');
    const values = fc.dictionary(name, value, { maxKeys: 3, noNullPrototype: true });
    const edits = fc.record({ set: values, add: values, remove: fc.array(name, { maxLength: 2 }) });
    fc.assert(
      fc.property(edits, edits, fc.array(name, { maxLength: 3 }), (earlier, later, names) => {
        const headers = names.map((each) => `${each}: 0`);
        expect(edit(headers, joined(earlier, later))).toEqual(edit(edit(headers, build(earlier)), build(later)));
      }),
    );
  });
});

test.each<EditsInit>([
  { set: { 'x-a': 'a\r\nx-b: b' } },
  { add: { 'x-a': 'a\0' } },
  { set: { 'x a': '1' } },
  { add: { '': '1' } },
  { set: { 'x-a': 'é' } },
])('what no header can hold is not built: %j', (edits) => {
  expect(() => build(edits)).toThrow(CannotBuild);
});
