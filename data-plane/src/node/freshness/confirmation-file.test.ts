import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '@sluice/engine';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CachedState } from '../cache/cached-state.ts';
import { type Confirmation, ConfirmationFile } from './confirmation-file.ts';
import { ConfirmationKeeper, restoredAgeMs } from './confirmation-keeper.ts';
import { UNKNOWN_AGE_MS } from './moment.ts';

let directory = '';
let lines: string[] = [];
const log = createLog(
  'info',
  (line) => lines.push(line),
  () => new Date(0),
);
const at = { wallMs: 1_000_000, uptimeMs: 5_000, bootId: 'boot' };
const confirmation: Confirmation = { historyId: 'h', revision: 3, factsVersion: 4, at };

beforeEach(() => {
  lines = [];
  directory = mkdtempSync(join(tmpdir(), 'sluice-confirmed-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('the last confirmation', () => {
  test('is read as it was written, the newest of several', async () => {
    const file = new ConfirmationFile(directory, log);
    expect(file.read()).toBeUndefined();
    for (const factsVersion of [1, 2, 4]) file.write({ ...confirmation, factsVersion });
    await file.close();
    expect(new ConfirmationFile(directory, log).read()).toEqual(confirmation);
  });

  test('is none where a bit of it flipped or a byte is missing', async () => {
    const file = new ConfirmationFile(directory, log);
    file.write(confirmation);
    await file.close();
    const path = join(directory, 'confirmed');
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 1;
      writeFileSync(path, damaged);
      expect(file.read()).toBeUndefined();
      writeFileSync(path, whole.subarray(0, at));
      expect(file.read()).toBeUndefined();
    }
  });

  test('that cannot be written is told once', async () => {
    const file = new ConfirmationFile(join(directory, 'gone'), log);
    for (let i = 0; i < 3; i++) {
      file.write(confirmation);
      await file.close();
    }
    expect(lines).toHaveLength(1);
  });

  test('is kept at most each second or each 20th part of what is allowed, at once where nobody confirms any longer, and only in a directory of its own', async () => {
    const file = new ConfirmationFile(directory, log);
    let [nowMs, factsVersion] = [0, 1];
    const latest = () => ({ historyId: 'h', revision: 3, factsVersion, ageMs: 0 });
    const keeper = new ConfirmationKeeper(file, 60_000, latest, () => nowMs);
    const kept = async () => {
      await file.close();
      return file.read()?.factsVersion;
    };
    keeper.confirmed();
    expect(await kept()).toBeUndefined();
    keeper.open();
    expect(await kept()).toBe(1);
    [nowMs, factsVersion] = [2_999, 2];
    keeper.confirmed();
    expect(await kept()).toBe(1);
    nowMs = 3_000;
    keeper.confirmed();
    expect(await kept()).toBe(2);
    factsVersion = 3;
    keeper.confirmed();
    keeper.flush();
    expect(await kept()).toBe(3);
  });
});

describe('what is restored was confirmed', () => {
  const track = { digest: new Uint8Array(), latest: [], hashes: new Map(), lastGood: [] };
  const cached: CachedState = {
    historyId: 'h',
    config: { ...track, revision: 3, createdAtMs: 400_000 },
    facts: { ...track, revision: 4, createdAtMs: 300_000 },
    keySets: [],
    found: [],
  };
  const now = { wallMs: 1_070_000, uptimeMs: 75_000, bootId: 'boot' };

  test.each([
    ['when the file says', confirmation, now, 70_000],
    ['when the file says, where what is on disk is newer', { ...confirmation, factsVersion: 3 }, now, 70_000],
    ['when the older of both was made, where nothing says more', undefined, now, 770_000],
    ['when that was made, where newer facts were confirmed', { ...confirmation, factsVersion: 5 }, now, 770_000],
    ['when that was made, where a newer revision was confirmed', { ...confirmation, revision: 4 }, now, 770_000],
    ['when that was made, where another history was confirmed', { ...confirmation, historyId: 'i' }, now, 770_000],
    ['nobody knows when, by a clock that stands before that', undefined, { ...now, wallMs: 299_999 }, UNKNOWN_AGE_MS],
  ])('%s', (_, said, at, ageMs) => {
    expect(restoredAgeMs(cached, said, at)).toBe(ageMs);
  });

  test('when the config was made, where there never were facts', () => {
    const without = { ...cached, facts: { ...cached.facts, revision: 0, createdAtMs: 0 } };
    expect(restoredAgeMs(without, undefined, now)).toBe(670_000);
  });
});
