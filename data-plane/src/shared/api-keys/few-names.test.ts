import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FewNames } from './few-names.ts';

test('a text is what the bytes say, however many others there were, and the same ones are one string', () => {
  const names = new FewNames();
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z0-9-]{0,12}$/), { maxLength: 300 }), fc.nat(7), (texts, before) => {
      for (const text of texts) {
        const bytes = Buffer.from(`${'x'.repeat(before)}${text}${'y'.repeat(before)}`);
        expect(names.at(bytes, before, text.length)).toBe(text);
      }
    }),
  );
});
