import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { lockDataDir } from './data-dir-lock.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sluice-lock-'));
  return () => rm(dataDir, { recursive: true });
});

describe('the lock of a data directory', () => {
  test('is held by one at a time, and leaves nothing behind', async () => {
    const lock = await lockDataDir(dataDir);
    await expect(lockDataDir(dataDir)).rejects.toThrow(
      `the data directory ${dataDir} is in use by process ${process.pid}`,
    );
    expect(await readdir(dataDir)).toEqual(['lock']);
    await lock.release();
    expect(await readdir(dataDir)).toEqual([]);
    await (await lockDataDir(dataDir)).release();
  });

  test('goes to exactly one of many that ask at the same moment, over a stale one too', async () => {
    await writeFile(join(dataDir, 'lock'), JSON.stringify({ pid: await findEndedProcess() }));
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataDir(dataDir)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await readdir(dataDir)).toEqual(['lock']);
  });

  test.each([
    { of: 'a process that ended', content: async () => JSON.stringify({ pid: await findEndedProcess() }) },
    {
      of: 'a number that went to another process since',
      content: async () => JSON.stringify({ pid: 1, started: 'another boot/1' }),
    },
    { of: 'our own number in a container before this one', content: async () => JSON.stringify({ pid: process.pid }) },
    { of: 'nobody: it is empty', content: async () => '' },
    { of: 'nobody: it is no JSON', content: async () => '{' },
  ])('is taken over from $of', async ({ content }) => {
    await writeFile(join(dataDir, 'lock'), await content());
    const lock = await lockDataDir(dataDir);
    expect(JSON.parse(await readFile(join(dataDir, 'lock'), 'utf8'))).toMatchObject({ pid: process.pid });
    await lock.release();
  });

  test('is not taken from a process that runs', async () => {
    await writeFile(join(dataDir, 'lock'), JSON.stringify({ pid: process.ppid }));
    await expect(lockDataDir(dataDir)).rejects.toThrow(`is in use by process ${process.ppid}`);
  });

  test('released late does not take away that of a successor', async () => {
    const lock = await lockDataDir(dataDir);
    await writeFile(join(dataDir, 'lock'), 'of another');
    await lock.release();
    expect(await readFile(join(dataDir, 'lock'), 'utf8')).toBe('of another');
  });

  test('is refused in one line where the directory cannot be made', async () => {
    await writeFile(join(dataDir, 'file'), '');
    await expect(lockDataDir(join(dataDir, 'file', 'x'))).rejects.toMatchObject({
      name: 'StoreStartError',
      message: expect.stringMatching(/^cannot write to the data directory .*ENOTDIR[^\n]*$/),
    });
  });
});

async function findEndedProcess(): Promise<number | undefined> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await new Promise((resolve) => child.once('exit', resolve));
  return child.pid;
}
