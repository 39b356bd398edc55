import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { formatJson, formatYaml } from './print.ts';

const TEXTS = [
  '',
  'yes',
  '1.0',
  '0x1',
  '~',
  ' spaces ',
  'a\nb\n',
  '\u001b[2J',
  '\u009b31m',
  '\u007f',
  '\u2028',
  '日本',
  '{}',
  '- a',
  '# a',
  '\ud83d\udc4d',
];

describe.each([
  ['json', formatJson, JSON.parse],
  ['yaml', formatYaml, (text: string) => parse(text, { schema: 'core' }) as unknown],
] as const)('%s', (_name, format, read) => {
  test.each(TEXTS)('gives %j back as it was', (text) => {
    expect(read(format({ text, list: [text] }))).toEqual({ text, list: [text] });
  });

  test('is safe on a terminal whatever it says', () => {
    expect(format({ texts: TEXTS })).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });
});

test('the same object twice is written twice', () => {
  const shared = { a: 1 };
  expect(formatYaml([shared, shared])).toBe('- a: 1\n- a: 1\n');
});
