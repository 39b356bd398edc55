import { expect, test } from 'vitest';
import { createLog } from './log.ts';

test("a line holds one event, whatever its message and fields hold, and levels below the log's are not written", () => {
  const lines: string[] = [];
  const log = createLog(
    'warn',
    (line) => lines.push(line),
    () => new Date(0),
  );
  log.info('not written');
  log.debug('not written');
  log.warn('two\r\nlines\u007f', { path: '/a b', unset: undefined, plain: 'a.b:1/@+,-', many: 5n, yes: true });
  log.error('cut', { long: 'x'.repeat(600), quoted: 'a "b"\u007f\n' });
  expect(lines).toEqual([
    '1970-01-01T00:00:00.000Z warn two lines  path="/a b" plain=a.b:1/@+,- many=5 yes=true\n',
    `1970-01-01T00:00:00.000Z error cut long="${'x'.repeat(512)}…" quoted="a \\"b\\"\\u007f\\n"\n`,
  ]);
});
