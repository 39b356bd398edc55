import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { LogTarget } from './log-target.ts';

/** How often it is looked whether the file is still where it was, and, where it cannot be opened, tried again. */
const LOOK_MS = 1000;
/** A named pipe whose reader is slow is tried again after this. */
const FULL_MS = 20;
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
const MODE = 0o640;

/**
 * A file that lines are appended to, or a named pipe. One that was moved or removed is made anew within a second, so that whoever
 * rotates it need tell nobody.
 */
export class LogFile implements LogTarget {
  readonly #path: string;
  #file: FileHandle | undefined;
  #inode = -1;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Fails where it cannot be opened now; a named pipe that nobody reads yet is no failure. */
  async open(): Promise<void> {
    await this.#open().catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENXIO') throw error;
    });
  }

  async write(lines: Buffer): Promise<void> {
    if (performance.now() - this.#lookedAtMs >= LOOK_MS) await this.#look();
    const file = this.#file;
    if (file === undefined) throw new Error('it is not open');
    for (let at = 0; at < lines.length; ) {
      at += await file.write(lines, at).then(
        ({ bytesWritten }) => bytesWritten,
        async (error: NodeJS.ErrnoException) => {
          if (error.code !== 'EAGAIN' || this.#closed) throw error;
          await delay(FULL_MS);
          return 0;
        },
      );
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#drop();
  }

  /** Goes on with what is at the path now. */
  async #look(): Promise<void> {
    this.#lookedAtMs = performance.now();
    const found = await stat(this.#path).catch(() => undefined);
    if (this.#file !== undefined && found?.ino === this.#inode) return;
    await this.#drop();
    await this.#open();
  }

  async #open(): Promise<void> {
    this.#lookedAtMs = performance.now();
    const file = await open(this.#path, FLAGS, MODE);
    this.#file = file;
    this.#inode = (await file.stat()).ino;
  }

  async #drop(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }
}
