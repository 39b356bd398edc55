import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { displayWidth } from './display-width.ts';
import { type Column, formatTable } from './table.ts';

type Row = readonly [string, string, string];
const columns: readonly Column<Row>[] = [
  { title: 'name', value: ([name]) => name },
  { title: 'owner', value: ([, owner]) => owner },
  { title: 'reason', value: ([, , reason]) => reason },
];

describe('a table', () => {
  test('has columns as wide as their widest value', () => {
    const rows: Row[] = [
      ['a', 'team-web', ''],
      ['longer', 'b', 'why'],
    ];
    expect(formatTable(columns, rows, undefined)).toBe(
      ['NAME    OWNER     REASON', 'a       team-web', 'longer  b         why', ''].join('\n'),
    );
  });

  test('without rows is its titles', () => {
    expect(formatTable(columns, [], 80)).toBe('NAME  OWNER  REASON\n');
  });

  test('takes from its widest column what is too wide', () => {
    const rows: Row[] = [['hello', 'team-web', 'something long that does not fit at all']];
    expect(formatTable(columns, rows, 40)).toBe(
      ['NAME   OWNER     REASON', 'hello  team-web  something long that do…', ''].join('\n'),
    );
  });

  test('leaves out its last columns where there is no room for them', () => {
    const rows: Row[] = [['a-long-name', 'some-owner', 'a reason']];
    expect(formatTable(columns, rows, 12)).toBe(['NAME', 'a-long-name', ''].join('\n'));
  });

  test('counts two columns for wide characters and none for marks', () => {
    const rows: Row[] = [
      ['日本', 'cafe\u0301', 'x'],
      ['ab', 'cafe', '👍🏽'],
    ];
    expect(formatTable(columns, rows, undefined)).toBe(
      ['NAME  OWNER  REASON', '日本  cafe\u0301   x', 'ab    cafe   👍🏽', ''].join('\n'),
    );
  });

  test('shows nothing that acts on a terminal', () => {
    const rows: Row[] = [['a\u001b[2Jb', 'two\nlines\tand\rmore', '\u009b31m\u202eevil\u0000']];
    expect(formatTable(columns, rows, undefined)).toBe(
      ['NAME    OWNER               REASON', 'a\ufffd[2Jb  two lines and more  \ufffd31m\ufffdevil\ufffd', ''].join(
        '\n',
      ),
    );
  });

  test('of anything at all has one line for each row, none wider than the terminal', () => {
    const cell = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 }),
        fc.integer({ min: 4, max: 60 }),
        (rows, width) => {
          const lines = formatTable(columns, rows, width).split('\n');
          expect(lines.pop()).toBe('');
          expect(lines).toHaveLength(rows.length + 1);
          for (const line of lines) {
            expect(displayWidth(line)).toBeLessThanOrEqual(width);
            expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
          }
        },
      ),
    );
  });
});
