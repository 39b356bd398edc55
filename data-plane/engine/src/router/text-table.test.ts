import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashSegment, hashTail, hashText, segmentEnd, TextTable } from './text-table.ts';

describe('a table of values by text', () => {
  const key = fc.string({ minLength: 0, maxLength: 3, unit: fc.constantFrom('a', 'b', '0', '1', '-') });
  const step = fc.record({ key, value: fc.option(fc.nat(), { nil: undefined }) });

  it.each([
    ['of the whole text', undefined],
    ['of its tail', hashTail],
    ['that tells nothing apart', () => 1],
  ])('holds what a Map would after any changes, by a hash %s', (_, hashOf) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const table = new TextTable<number>(hashOf);
        const map = new Map<string, number>();
        for (const { key, value } of steps) {
          if (value === undefined) {
            expect(table.delete(key)).toBe(map.delete(key));
          } else {
            table.set(key, value);
            map.set(key, value);
          }
        }
        expect(table.size).toBe(map.size);
        for (const { key } of steps) expect(table.get(key)).toBe(map.get(key));
      }),
    );
  });

  it('finds a part of a text as that part alone, and no part that is only alike', () => {
    fc.assert(
      fc.property(key, key, key, (before, part, after) => {
        const table = new TextTable<string>();
        table.set(part, 'found');
        const text = `${before}/${part}/${after}`;
        const start = before.length + 1;
        const hash = hashSegment(text, start);
        expect(segmentEnd).toBe(start + part.length);
        expect(hash).toBe(hashText(part, 0, part.length));
        expect(table.find(text, start, segmentEnd, hash)).toBe('found');
        expect(table.find(`${text}x`, start, segmentEnd + 1, hash)).toBeUndefined();
        if (part !== '') expect(table.find(text, start, segmentEnd - 1, hash)).toBeUndefined();
      }),
    );
  });

  it('tells a token apart behind any number of spaces by its tail', () => {
    const token = 'x'.repeat(24);
    const hashes = Array.from({ length: 1000 }, (_, spaces) => hashTail(`bearer ${' '.repeat(spaces)}${token}`));
    expect(new Set(hashes).size).toBe(1000);
  });

  it('takes the last segment to the end of the path', () => {
    expect(hashSegment('/a/bc', 3)).toBe(hashText('bc', 0, 2));
    expect(segmentEnd).toBe(5);
    expect(hashSegment('/a/', 3)).toBe(hashText('', 0, 0));
    expect(segmentEnd).toBe(3);
  });
});
