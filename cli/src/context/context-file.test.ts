import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CommandFailure } from '../exit.ts';
import { deleteContext, putContext, readContextFile, useContext } from './context-file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-context-'));
  path = join(folder, 'below', 'contexts.yaml');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const local = { name: 'local', server: 'http://127.0.0.1:7070', token: 'slt_1' };
const other = { name: 'other', server: 'http://127.0.0.1:7071' };

describe('a context file', () => {
  test('that is not there has no contexts', () => {
    expect(readContextFile(path)).toEqual({ contexts: [] });
  });

  test('is made with its folder, for its owner alone', () => {
    putContext(path, local);
    putContext(path, other);
    expect(readContextFile(path)).toEqual({ currentContext: 'local', contexts: [local, other] });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'below')).mode & 0o777).toBe(0o700);
  });

  test('keeps its comments, its order and what it does not know', () => {
    path = join(folder, 'contexts.yaml');
    writeFileSync(path, '# mine\ncolour: blue\ncontexts:\n  # at home\n  - name: local\n    server: http://a:1\n');
    putContext(path, other);
    useContext(path, 'other');
    expect(readFileSync(path, 'utf8')).toBe(
      [
        '# mine',
        'colour: blue',
        'contexts:',
        '  # at home',
        '  - name: local',
        '    server: http://a:1',
        '  - name: other',
        '    server: http://127.0.0.1:7071',
        'currentContext: other',
        '',
      ].join('\n'),
    );
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('replaces a context of the same name, and forgets the current one with it', () => {
    putContext(path, local);
    putContext(path, { ...local, server: 'http://b:2' });
    expect(readContextFile(path).contexts).toEqual([{ ...local, server: 'http://b:2' }]);
    deleteContext(path, 'local');
    expect(readContextFile(path)).toEqual({ contexts: [] });
  });

  test('that is a link stays one', () => {
    const target = join(folder, 'target.yaml');
    writeFileSync(target, '');
    path = join(folder, 'link.yaml');
    symlinkSync(target, path);
    putContext(path, local);
    expect(readContextFile(target).contexts).toEqual([local]);
  });

  test.each([
    ['contexts: [', /is no YAML: line 1: /],
    ['a\n', /it is no map/],
    ['[]', /it is no map/],
    ['contexts: 5', /each of its contexts needs a name and a server/],
    ['contexts: [{ name: a }]', /each of its contexts needs a name and a server/],
    ['contexts: [{ name: a, server: b, token: 5 }]', /each of its contexts needs a name and a server/],
    ['currentContext: {}', /its currentContext is no name/],
  ])('%j is refused in one line, and left alone', (text, message) => {
    path = join(folder, 'contexts.yaml');
    writeFileSync(path, text);
    for (const act of [() => readContextFile(path), () => putContext(path, local)]) {
      expect(act).toThrow(CommandFailure);
      expect(act).toThrow(message);
      expect(act).not.toThrow(/\n/);
    }
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('has no context of another name to use or delete', () => {
    putContext(path, local);
    expect(() => useContext(path, 'nope')).toThrow(/no context nope/);
    expect(() => deleteContext(path, 'nope')).toThrow(/no context nope/);
  });
});
