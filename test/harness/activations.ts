import { openStore, type TrackName } from '@sluice/control-plane';
import { type ItemKey, itemKey, SetDigest } from '@sluice/engine';
import { makeTempDir } from './temp-dir.ts';

/** A position that a node says it made active. */
export type Activation = {
  readonly track: TrackName;
  readonly by: 'cache' | 'snapshot' | 'delta';
  readonly historyId: string;
  readonly revision: number;
  readonly digest: string;
};

/** What a node process logged as active, in order. */
export function readActivations(output: string): Activation[] {
  const pattern =
    /^\S+ info active track=(config|facts) by=(cache|snapshot|delta) history=(\S+) revision=(\d+) digest=([0-9a-f]{64}) /gm;
  return [...output.matchAll(pattern)].map(([, track, by, historyId = '', revision, digest = '']) => ({
    track: track as TrackName,
    by: by as Activation['by'],
    historyId,
    revision: Number(revision),
    digest,
  }));
}

/**
 * What is wrong with what node processes of one group activated, held against the history in the database: on each track
 * revisions go forward only, each is one that was written, and its digest is that of everything it sends to the group.
 */
export async function checkActivations(
  database: string,
  outputs: readonly string[],
  group = 'default',
): Promise<string[]> {
  const written = await readDigests(database, group);
  return outputs.flatMap((output, run) => {
    const last = new Map<string, number>();
    return readActivations(output).flatMap(({ track, revision, digest }) => {
      const before = last.get(track) ?? -1;
      last.set(track, revision);
      const expected = written.get(`${track} ${revision}`);
      return [
        ...(revision > before ? [] : [`process ${run}: ${track} went from revision ${before} to ${revision}`]),
        ...(expected === digest ? [] : [`process ${run}: ${track} revision ${revision} has digest ${digest}`]),
      ];
    });
  });
}

/** The digest of each revision for a group, from the log in the database. */
async function readDigests(database: string, group: string): Promise<Map<string, string>> {
  await using dir = await makeTempDir('history');
  const store = await openStore({ database, dataDir: dir.path });
  const digests = new Map<string, string>();
  try {
    for (const track of ['config', 'facts'] as const) {
      const digest = new SetDigest();
      const hashes = new Map<ItemKey, Uint8Array>();
      const keep = (revision: number) =>
        digests.set(`${track} ${revision}`, Buffer.from(digest.bytes()).toString('hex'));
      keep(0);
      for (let revision = 0; ; ) {
        const records = await store.readSince(track, revision, 10_000);
        if (records.length === 0) break;
        for (const record of records) {
          revision = record.revision;
          for (const version of record.versions) {
            const key = itemKey(version);
            const before = hashes.get(key);
            if (before !== undefined) digest.remove(before);
            hashes.delete(key);
            const goesThere = version.nodeGroups.length === 0 || version.nodeGroups.includes(group);
            if (version.hash === undefined || !goesThere) continue;
            digest.add(version.hash);
            hashes.set(key, version.hash);
          }
          keep(revision);
        }
      }
    }
  } finally {
    await store.close();
  }
  return digests;
}
