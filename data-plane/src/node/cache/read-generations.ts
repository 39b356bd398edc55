import { copyFile, open, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '@sluice/engine';
import type { CacheRecord } from '@sluice/proto';
import type { KeyRestore } from '../../shared/index.ts';
import { Garbage } from '../garbage.ts';
import { type CachedState, Replay } from './cached-state.ts';
import { type ReadEnd, RecordReader } from './record-frame.ts';

/** The version of the format that is written, and the newest that is read. */
export const FORMAT = 1;
/** About what a key takes in a file. */
const BYTES_OF_A_KEY = 128;

export interface ReadGenerationsOptions {
  readonly directory: string;
  readonly group: string;
  readonly log: Log;
  /** Another process still writes the directory: nothing is changed in it. */
  readonly readOnly: boolean;
}

export interface ReadGenerations {
  /** The newest that is there, whole or not; 0: none. */
  readonly newest: number;
  /** Of the newest that is whole. */
  readonly state: CachedState | undefined;
}

/** Reads the newest generation that is whole. What is damaged is set aside, with a line in the log. `keys` gets the API keys. */
export async function readGenerations(options: ReadGenerationsOptions, keys: KeyRestore): Promise<ReadGenerations> {
  const { directory, log, readOnly } = options;
  const generations = (await readdir(directory))
    .map((name) => /^(\d+)\.base$/.exec(name)?.[1])
    .filter((number) => number !== undefined)
    .map(Number)
    .sort((a, b) => b - a);
  const newest = generations[0] ?? 0;
  for (const generation of generations) {
    const state = await readGeneration(options, generation, keys);
    if (typeof state !== 'string') return { newest, state };
    keys.clear();
    if (readOnly) continue;
    log.error('cache damaged, set aside', { file: `${generation}.base`, reason: state });
    await setAside(directory, `${generation}.base`);
    await setAside(directory, `${generation}.log`);
  }
  return { newest, state: undefined };
}

/** A text: why it is not whole. */
async function readGeneration(
  options: ReadGenerationsOptions,
  generation: number,
  keys: KeyRestore,
): Promise<CachedState | string> {
  const { directory, group } = options;
  const path = join(directory, `${generation}.base`);
  const replay = new Replay(keys);
  let count = 0;
  let header: CacheRecord['record'] | undefined;
  let last: CacheRecord['record'] | undefined;
  const end = await readRecordFile(path, (record, fileBytes) => {
    if (count++ === 0) {
      header = record.record;
      keys.expect(fileBytes / BYTES_OF_A_KEY);
    }
    last = record.record;
    return replay.add(record);
  });
  if (typeof end === 'string') return end;
  if (end.kind !== 'complete') return describeEnd(end);
  if (header?.case !== 'header') return 'no header';
  if (header.value.format > FORMAT) return `format ${header.value.format}, newer than this node's ${FORMAT}`;
  if (header.value.group !== group) return `content for the group ${header.value.group}`;
  if (last?.case !== 'end' || last.value.records !== count - 1) return 'no end';
  await readLog(options, generation, replay);
  return replay.finish(header.value.historyId);
}

async function readLog(
  { directory, log, readOnly }: ReadGenerationsOptions,
  generation: number,
  replay: Replay,
): Promise<void> {
  const name = `${generation}.log`;
  const path = join(directory, name);
  let belongs: boolean | undefined;
  const end = await readRecordFile(path, (record) => {
    if (belongs === undefined) {
      belongs = record.record.case === 'header' && record.record.value.generation === BigInt(generation);
      return undefined;
    }
    return belongs ? replay.add(record) : undefined;
  });
  if (typeof end === 'string' || end.kind !== 'damaged' || readOnly) return;
  log.error('cache log damaged, used up to there', { file: name, reason: describeEnd(end) });
  await copyFile(path, `${path}.damaged`).catch(() => undefined);
}

async function setAside(directory: string, name: string): Promise<void> {
  const path = join(directory, name);
  await rename(path, `${path}.damaged`).catch(() => undefined);
}

/**
 * Hands over the records of a file one by one, so that no file has to fit into memory beside what it says. Resolves with how it ended, or
 * with why it cannot be read.
 */
async function readRecordFile(
  path: string,
  take: (record: CacheRecord, fileBytes: number) => Promise<void> | undefined,
): Promise<ReadEnd | string> {
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    const reader = new RecordReader();
    const garbage = new Garbage();
    for (;;) {
      const { bytesRead } = await file.read(reader.room, 0, reader.room.length, null);
      for (const record of reader.add(bytesRead)) await take(record, size);
      garbage.add(bytesRead);
      if (bytesRead === 0 || reader.isOver) {
        garbage.end();
        return reader.end();
      }
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function describeEnd(end: ReadEnd): string {
  switch (end.kind) {
    case 'complete':
      return 'whole';
    case 'torn':
      return `cut short at byte ${end.at}`;
    case 'damaged':
      return `${end.reason} at byte ${end.at}`;
    default:
      return end satisfies never;
  }
}
