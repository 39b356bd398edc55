import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreStartError } from './failure.ts';

export interface DataDirLock {
  release(): Promise<void>;
}

/** Tries while others take the same stale lock over at the same moment. */
const MAX_ATTEMPTS = 50;

/** Locks that this process holds, by their content: after a restart in a container, a stale lock names our own number. */
const heldHere = new Set<string>();

/**
 * Makes the directory where it is missing, and holds it for this process until released. The lock of a process that is gone is taken over.
 * Rejects with a StoreStartError where another process holds it. Containers that do not see each other's processes are not kept apart.
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const path = join(dataDir, 'lock');
  const own = `${path}.${process.pid}.${randomUUID()}`;
  const content = JSON.stringify({ pid: process.pid, started: await readStartTime(process.pid), id: randomUUID() });
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await writeFile(own, content, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw new StoreStartError(
      `cannot write to the data directory ${dataDir}: ${error instanceof Error ? error.message : String(error)}`,
      'choose another with --data-dir, or correct its permissions',
      { cause: error },
    );
  }
  heldHere.add(content);
  try {
    await claim(path, own, dataDir);
  } catch (error) {
    heldHere.delete(content);
    throw error;
  } finally {
    await rm(own, { force: true });
  }
  return {
    async release() {
      heldHere.delete(content);
      const found = await readFile(path, 'utf8').catch(() => undefined);
      if (found === content) await rm(path, { force: true });
    },
  };
}

/** A hard link appears with its content or not at all, and fails where the name is taken. */
async function claim(path: string, own: string, dataDir: string): Promise<void> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (await tryLink(own, path)) return;
    const holder = await findHolderOf(path);
    if (holder !== undefined) throw inUse(dataDir, holder);
    if (await takeOver(path, own)) return;
    await sleep(10);
  }
  throw inUse(dataDir, undefined);
}

/**
 * Replaces a stale lock, unless it is gone or another's by then. Only who holds a second lock does that, so nobody mistakes a fresh lock
 * for the stale one that they saw before it.
 */
async function takeOver(path: string, own: string): Promise<boolean> {
  const second = `${path}.takeover`;
  if (!(await tryLink(own, second))) {
    const left = await readFile(second, 'utf8').catch(() => undefined);
    if (left !== undefined && (await findHolder(left)) === undefined) await rm(second, { force: true });
    return false;
  }
  try {
    const found = await readFile(path, 'utf8').catch(() => undefined);
    if (found === undefined || (await findHolder(found)) !== undefined) return false;
    const draft = `${own}.draft`;
    await link(own, draft);
    await rename(draft, path);
    return true;
  } finally {
    await rm(second, { force: true });
  }
}

async function tryLink(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function findHolderOf(path: string): Promise<number | undefined> {
  const found = await readFile(path, 'utf8').catch(() => undefined);
  return found === undefined ? undefined : findHolder(found);
}

/** The process that wrote a lock, where it still runs. A number that went to another process is told by its start time. */
async function findHolder(content: string): Promise<number | undefined> {
  const { pid, started } = parseLock(content);
  if (pid === undefined || !isRunning(pid)) return undefined;
  if (pid === process.pid) return heldHere.has(content) ? pid : undefined;
  const now = await readStartTime(pid);
  return now !== undefined && started !== undefined && now !== started ? undefined : pid;
}

function parseLock(content: string): { pid?: number; started?: string } {
  try {
    const lock: unknown = JSON.parse(content);
    if (typeof lock !== 'object' || lock === null) return {};
    return {
      ...('pid' in lock && typeof lock.pid === 'number' ? { pid: lock.pid } : {}),
      ...('started' in lock && typeof lock.started === 'string' ? { started: lock.started } : {}),
    };
  } catch {
    return {};
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Boot and the tick a process started at, where the system tells (Linux). */
async function readStartTime(pid: number): Promise<string | undefined> {
  try {
    const [boot, stat] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ]);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return `${boot.trim()}/${fields[19]}`;
  } catch {
    return undefined;
  }
}

function inUse(dataDir: string, pid: number | undefined): StoreStartError {
  return new StoreStartError(
    `the data directory ${dataDir} is in use by ${pid === undefined ? 'another process' : `process ${pid}`}`,
    'stop that process, or choose another directory with --data-dir',
  );
}
