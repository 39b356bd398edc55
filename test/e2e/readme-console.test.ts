import { expect, test } from 'vitest';
import { matchesExpected, readConsoleSteps } from './readme-console.ts';

test('commands are read with their here-documents and what they print, from console blocks alone', () => {
  const text = [
    '```sh',
    '$ no',
    '```',
    '```console',
    "$ cat > a <<'END'",
    '$ not a command',
    'END',
    '$ cat a',
    'one',
    '',
    'two',
    '```',
  ];
  expect(readConsoleSteps(text.join('\n'))).toEqual([
    { line: 5, command: "cat > a <<'END'\n$ not a command\nEND", expected: [] },
    { line: 8, command: 'cat a', expected: ['one', '', 'two'] },
  ]);
});

test.each<[readonly string[], string, boolean]>([
  [[], '', true],
  [[], 'a\n', false],
  [['a'], 'a\n', true],
  [['a'], 'a', true],
  [['a'], 'a  \n', true],
  [['a'], '', false],
  [['a'], 'a\nb\n', false],
  [['a', '...'], 'a\nb\nc\n', true],
  [['a', '...'], 'a\n', true],
  [['...', 'c'], 'a\nb\nc\n', true],
  [['...', 'c'], 'a\nb\n', false],
  [['a ... c'], 'a b c\n', true],
  [['a ... c'], 'a\nb c\n', false],
  [['A B'], 'A     B\n', true],
  [['200 ... 429 ...'], '200 200 429 429 ', true],
  [['200 ... 429 ...'], '200 200 200 ', false],
])('%j as %j: %s', (expected, printed, matches) => {
  expect(matchesExpected(expected, printed)).toBe(matches);
});
