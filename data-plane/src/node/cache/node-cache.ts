import { type FileHandle, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '@sluice/engine';
import type { KeyRestore } from '../../shared/index.ts';
import { Garbage } from '../garbage.ts';
import type { CachedState } from './cached-state.ts';
import { FORMAT, readGenerations } from './read-generations.ts';
import { encodeRecord, type RecordInit } from './record-frame.ts';

/** What the cache is doing; each is a place where a crash must leave it whole. */
export type CachePhase = 'base-write' | 'base-sync' | 'base-rename' | 'directory-sync' | 'log-append' | 'log-sync';
export const cachePhases: readonly CachePhase[] = [
  'base-write',
  'base-sync',
  'base-rename',
  'directory-sync',
  'log-append',
  'log-sync',
];

export interface NodeCacheOptions {
  readonly directory: string;
  readonly group: string;
  readonly log: Log;
  /** All of the node's current state as records, for a new base file; called between two appends. */
  readonly snapshot: () => {
    readonly historyId: string;
    readonly records: Iterable<RecordInit>;
    /** The records are no longer needed. */
    readonly release?: () => void;
  };
  /** Told before each step. */
  readonly onPhase?: (phase: CachePhase) => void;
  /** Another process still writes the directory: nothing is changed in it until {@link NodeCache.open}. */
  readonly readOnly?: boolean;
  /** A base is rewritten when its log is longer than it and than this. Default 1 MiB. */
  readonly compactAfterBytes?: number;
}

/** The first records of a change, which are encoded when they are written, from what stays in memory meanwhile. */
export interface LeadingParts {
  readonly parts: Iterable<RecordInit>;
  /** They are no longer needed. */
  readonly release: () => void;
}

/** A change that waits for the disk. */
interface Append {
  readonly leading: LeadingParts | undefined;
  readonly bytes: Buffer;
  readonly persisted: () => void;
}

/** Appends that may wait for the disk; past it the next write is a whole base instead. */
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
const RETRY_AFTER_MS = 1_000;
const READ_ONLY_TRIES = 3;
/**
 * The node's state on disk: a base file and a log of changes beside it, `N.base` and `N.log`, and the generation before them.
 * A base is written to a temporary file, synced, renamed, and its directory synced; so there is always one whole generation.
 * When the disk fails the node goes on from memory and a new base is tried until it works. Longer than other files: base and log are
 * steps of one protocol, whose order on disk is what a crash leaves whole.
 */
export class NodeCache {
  readonly #options: NodeCacheOptions;
  #generation = 0;
  #logFile: FileHandle | undefined;
  #logBytes = 0;
  #baseBytes = 0;
  #queue: Append[] = [];
  #queuedBytes = 0;
  #baseWanted = false;
  #whenPersisted: (() => void)[] = [];
  #working: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failure: string | undefined;
  #closed = false;
  #readOnly: boolean;

  constructor(options: NodeCacheOptions) {
    this.#options = options;
    this.#readOnly = options.readOnly ?? false;
  }

  /** Why the disk is not written at the moment. Undefined: it is. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** The directory is this process's alone from now on. Gives what is in it; `keys` gets the API keys. */
  async open(keys: KeyRestore): Promise<CachedState | undefined> {
    this.#readOnly = false;
    // Nothing is written before all of it is read.
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#working = promise;
    try {
      return await this.load(keys);
    } finally {
      this.#working = undefined;
      resolve();
      this.#work();
    }
  }

  /**
   * The newest whole generation, or undefined where there is none. What is damaged is set aside, with a line in the log. `keys` gets
   * the API keys.
   */
  async load(keys: KeyRestore): Promise<CachedState | undefined> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if (!this.#readOnly) {
      const left = (await readdir(directory)).filter((each) => each.endsWith('.tmp'));
      for (const name of left) await unlink(join(directory, name)).catch(() => undefined);
    }
    const { group, log } = this.#options;
    for (let tries = this.#readOnly ? READ_ONLY_TRIES : 1; ; tries--) {
      const found = await readGenerations({ directory, group, log, readOnly: this.#readOnly }, keys);
      this.#generation = found.newest;
      // The other process may have removed a generation while it was read.
      if (found.state !== undefined || tries === 1) return found.state;
    }
  }

  /** Appends a change that is active, all `records` in one write, after those that lead it. Calls back when it is safely on disk. */
  append(records: readonly RecordInit[], persisted: () => void, leading?: LeadingParts): void {
    if (this.#closed || this.#logFile === undefined || this.#baseWanted || this.#queuedBytes > MAX_QUEUED_BYTES) {
      leading?.release();
      this.rewrite(persisted);
      return;
    }
    const bytes = Buffer.concat(records.map(encodeRecord));
    this.#queue.push({ leading, bytes, persisted });
    this.#queuedBytes += bytes.length;
    this.#work();
  }

  /** Writes a new base with the state as it is then. Calls back when it is safely on disk. */
  rewrite(persisted: () => void): void {
    if (this.#closed) return;
    this.#baseWanted = true;
    this.#whenPersisted.push(persisted);
    this.#work();
  }

  /** Resolves when all that was appended is on disk or the disk failed; nothing is written after it. */
  async close(): Promise<void> {
    clearTimeout(this.#retry);
    // What was appended while one write ended is the next.
    while (this.#working !== undefined) await this.#working;
    this.#closed = true;
    await this.#logFile?.close();
    this.#logFile = undefined;
  }

  #work(): void {
    if (this.#working !== undefined || this.#closed || this.#retry !== undefined || this.#readOnly) return;
    this.#working = this.#drain().finally(() => {
      this.#working = undefined;
      if (this.#baseWanted || this.#queue.length > 0) this.#work();
    });
  }

  async #drain(): Promise<void> {
    try {
      if (
        this.#baseWanted ||
        this.#logBytes > Math.max(this.#baseBytes, this.#options.compactAfterBytes ?? 1024 * 1024)
      ) {
        await this.#writeBase();
      } else if (this.#queue.length > 0) {
        await this.#writeLog();
      }
      if (this.#failure !== undefined) this.#options.log.info('cache is written again', {});
      this.#failure = undefined;
    } catch (error) {
      this.#fail(error);
    }
  }

  async #writeLog(): Promise<void> {
    const batch = this.#takeQueue();
    try {
      this.#options.onPhase?.('log-append');
      for (const bytes of inWrites(batch)) {
        await this.#logFile!.appendFile(bytes);
        this.#logBytes += bytes.length;
      }
      this.#options.onPhase?.('log-sync');
      await this.#logFile!.datasync();
    } catch (error) {
      this.#whenPersisted.push(...batch.map((each) => each.persisted));
      throw error;
    } finally {
      for (const { leading } of batch) leading?.release();
    }
    for (const { persisted } of batch) persisted();
  }

  /** Everything that was queued is in the snapshot, so it is on disk with it. */
  async #writeBase(): Promise<void> {
    const { directory, group, onPhase } = this.#options;
    const superseded = this.#takeQueue();
    for (const { leading } of superseded) leading?.release();
    const persisted = [...superseded.map((each) => each.persisted), ...this.#whenPersisted];
    this.#whenPersisted = [];
    this.#baseWanted = false;
    const generation = this.#generation + 1;
    const { historyId, records, release } = this.#options.snapshot();
    const header = {
      case: 'header' as const,
      value: { format: FORMAT, group, historyId, generation: BigInt(generation) },
    };
    const temporary = join(directory, `${generation}.base.tmp`);
    try {
      this.#baseBytes = await this.#writeRecords(temporary, header, records);
      onPhase?.('base-rename');
      await rename(temporary, join(directory, `${generation}.base`));
      onPhase?.('directory-sync');
      await syncDirectory(directory);
      const log = await this.#openLog(`${generation}.log`, header);
      await this.#logFile?.close();
      this.#logFile = log;
      this.#logBytes = 0;
      this.#generation = generation;
    } catch (error) {
      this.#whenPersisted.push(...persisted);
      throw error;
    } finally {
      release?.();
    }
    for (const callback of persisted) callback();
    await this.#removeOlderThan(generation - 1);
  }

  async #openLog(name: string, header: RecordInit): Promise<FileHandle> {
    const log = await open(join(this.#options.directory, name), 'w', 0o600);
    try {
      await log.appendFile(encodeRecord(header));
      await log.datasync();
      return log;
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  async #writeRecords(path: string, header: RecordInit, records: Iterable<RecordInit>): Promise<number> {
    const file = await open(path, 'w', 0o600);
    try {
      let count = 0;
      let size = 0;
      const garbage = new Garbage();
      const write = async (record: RecordInit): Promise<void> => {
        this.#options.onPhase?.('base-write');
        const bytes = encodeRecord(record);
        await file.appendFile(bytes);
        count++;
        size += bytes.length;
        garbage.add(bytes.length);
      };
      await write(header);
      for (const record of records) await write(record);
      await write({ case: 'end', value: { records: count } });
      this.#options.onPhase?.('base-sync');
      await file.sync();
      garbage.end();
      return size;
    } finally {
      await file.close();
    }
  }

  async #removeOlderThan(generation: number): Promise<void> {
    for (const name of await readdir(this.#options.directory)) {
      const number = /^(\d+)\.(base|log)$/.exec(name)?.[1];
      if (number !== undefined && Number(number) < generation) await unlink(join(this.#options.directory, name));
    }
  }

  #takeQueue(): Append[] {
    const batch = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    return batch;
  }

  #fail(error: unknown): void {
    if (this.#failure === undefined) {
      this.#options.log.error('cache cannot be written; serving from memory, a restart would need the control plane', {
        reason: messageOf(error),
      });
    }
    this.#failure = messageOf(error);
    this.#baseWanted = true;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#work();
    }, RETRY_AFTER_MS);
    this.#retry.unref();
  }
}

/** What is there is written at once; what leads a change, piece by piece. */
function* inWrites(batch: readonly Append[]): Generator<Buffer> {
  let ready: Buffer[] = [];
  for (const { leading, bytes } of batch) {
    for (const part of leading?.parts ?? []) {
      yield Buffer.concat([...ready, encodeRecord(part)]);
      ready = [];
    }
    ready.push(bytes);
  }
  yield Buffer.concat(ready);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
