import { expect, test } from 'vitest';
import { isMissing } from './is-missing.ts';

test('what is missing skips a test, but for CI, where it fails', () => {
  const ci = { SLUICE_SKIP_NOTHING: '1' };
  expect(isMissing('a program that this test invents', true, {})).toBe(true);
  expect(isMissing('a program', false, ci)).toBe(false);
  expect(() => isMissing('a program', true, ci)).toThrow('a program is missing');
});
