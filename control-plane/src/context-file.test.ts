import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeContext } from './context-file.ts';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-context-'));
  path = join(directory, 'deep', 'contexts.yaml');
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const local = { name: 'local', server: 'http://127.0.0.1:7070', token: 't' };

it('a missing file is made, for its owner only, with the context as the current one', async () => {
  await writeContext(path, local, false);
  expect(await readFile(path, 'utf8')).toBe(
    'currentContext: local\ncontexts:\n  - name: local\n    server: http://127.0.0.1:7070\n    token: t\n',
  );
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

it('the rest of a file stays: comments, other contexts, the current one', async () => {
  await writeContext(path, { name: 'prod', server: 'https://prod', token: 'p' }, true);
  await writeFile(path, `# mine\n${await readFile(path, 'utf8')}`);
  await writeContext(path, local, false);
  expect(await readFile(path, 'utf8')).toBe(
    '# mine\ncurrentContext: prod\ncontexts:\n  - name: prod\n    server: https://prod\n    token: p\n' +
      '  - name: local\n    server: http://127.0.0.1:7070\n    token: t\n',
  );
});

it('a context of the same name is replaced, and becomes current where that is asked for', async () => {
  await writeContext(path, { name: 'prod', server: 'https://prod' }, true);
  await writeContext(path, { ...local, server: 'http://old' }, false);
  await chmod(path, 0o644);
  await writeContext(path, local, true);
  const text = await readFile(path, 'utf8');
  expect(text).toContain('currentContext: local');
  expect(text).not.toContain('http://old');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

it.each([['- a\n'], ['contexts: 7\n'], ['{{{\n']])('a file that is none is left alone: %j', async (content) => {
  await writeContext(path, local, false);
  await writeFile(path, content);
  await expect(writeContext(path, local, false)).rejects.toThrow('is not a context file');
  expect(await readFile(path, 'utf8')).toBe(content);
});
