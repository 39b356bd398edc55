import {
  accessSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** A directory that this process alone uses. */
export interface DirectoryLock {
  /** Why nothing could be written, so that nobody is kept out. Undefined: the directory is locked. */
  readonly unwritable?: string;
  /** The process that holds it; this one waits for it. Undefined: this one has it. */
  readonly heldBy?: number;
  /** Resolves when this process has it, where another held it. */
  readonly taken?: Promise<void>;
  release(): void;
}

/** The disk, not the caller, is why a file cannot be written: what is there can still be read. */
const UNWRITABLE = new Set(['EROFS', 'ENOSPC', 'EDQUOT', 'EACCES', 'EPERM']);

/** Another process uses the directory. */
export class DirectoryInUse extends Error {
  override readonly name = 'DirectoryInUse';
  readonly holder: number;

  constructor(directory: string, holder: number) {
    super(`${directory} is used by process ${holder}; give this one a directory of its own`);
    this.holder = holder;
  }
}

const POLL_MS = 100;
/** Names the process that waits for the directory. */
const SUCCESSOR = 'successor';

/**
 * Takes a directory for this process; makes it where it is missing. A lock whose process is gone is stale and taken over.
 * A directory that is there and can be read but not written is taken without a lock.
 * @throws DirectoryInUse where a live process holds it
 */
export function lockDirectory(directory: string): DirectoryLock {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, 'lock');
  for (;;) {
    try {
      const file = openSync(path, 'wx', 0o600);
      writeSync(file, ownName());
      closeSync(file);
      return { release: () => rmSync(path, { force: true }) };
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException;
      if (UNWRITABLE.has(code) && isReadable(directory)) return { unwritable: message, release: () => undefined };
      if (code !== 'EEXIST') throw error;
    }
    const holder = readHolder(path);
    if (holder !== undefined) throw new DirectoryInUse(directory, holder);
    try {
      rmSync(path, { force: true });
    } catch (error) {
      return { unwritable: error instanceof Error ? error.message : String(error), release: () => undefined };
    }
  }
}

/**
 * As {@link lockDirectory}; where a live process holds the directory this one waits for it, and says so in it. Until then it may
 * read what is there.
 */
export function succeedDirectory(directory: string): DirectoryLock {
  try {
    return lockDirectory(directory);
  } catch (error) {
    if (!(error instanceof DirectoryInUse)) throw error;
    return waitForDirectory(directory, error.holder);
  }
}

/** A live process waits for this directory. */
export function hasSuccessor(directory: string): boolean {
  return readHolder(join(directory, SUCCESSOR)) !== undefined;
}

function waitForDirectory(directory: string, heldBy: number): DirectoryLock {
  const path = join(directory, SUCCESSOR);
  const { promise: taken, resolve } = Promise.withResolvers<void>();
  let lock: DirectoryLock | undefined;
  writeFileSync(path, ownName(), { mode: 0o600 });
  const timer = setInterval(() => {
    try {
      lock = lockDirectory(directory);
    } catch {
      return;
    }
    clearInterval(timer);
    rmSync(path, { force: true });
    resolve();
  }, POLL_MS);
  return {
    heldBy,
    taken,
    release: () => {
      clearInterval(timer);
      if (lock === undefined) rmSync(path, { force: true });
      lock?.release();
    },
  };
}

function ownName(): string {
  return `${process.pid} ${startOf(process.pid)}\n`;
}

function isReadable(directory: string): boolean {
  try {
    accessSync(directory, constants.R_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The live process that a lock file names. */
function readHolder(path: string): number | undefined {
  try {
    const [pid, start] = readFileSync(path, 'utf8').trim().split(' ');
    return pid && isAlive(Number(pid)) && startOf(Number(pid)) === start ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process started, in the kernel's ticks: tells it from a later one with the same number. `-` where that cannot be read. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
  } catch {
    return '-';
  }
}
