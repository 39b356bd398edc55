import { afterEach, expect, test, vi } from 'vitest';
import { isMissing } from './is-missing.ts';

afterEach(() => vi.unstubAllEnvs());

test('what is missing skips a test, but for CI, where it fails', () => {
  vi.stubEnv('SLUICE_SKIP_NOTHING', '');
  expect(isMissing('a program that this test invents', true)).toBe(true);
  vi.stubEnv('SLUICE_SKIP_NOTHING', '1');
  expect(isMissing('a program', false)).toBe(false);
  expect(() => isMissing('a program', true)).toThrow('a program is missing');
});
