import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { WatchResponseSchema, Track as WireTrack } from '@sluice/proto';
import { expect, it } from 'vitest';
import { serveTrack } from './testing/serve-track.ts';
import { UpdateSource } from './update-source.ts';

function createSource() {
  const { track, change } = serveTrack('config');
  let nowMs = 0;
  const source = new UpdateSource({ historyId: 'h', trackOf: () => track, openSecrets: () => undefined }, () => nowMs);
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { source, track, change, pass };
}

const snapshot = (source: UpdateSource, from = 0) => source.snapshot(WireTrack.CONFIG, 'default', false, from);
const delta = (source: UpdateSource, from: number) => source.delta(WireTrack.CONFIG, from, 'default');

it('what is encoded once is the same bytes as the message it stands for', async () => {
  const { source, track, change } = createSource();
  change({ 'Route/a': 'one' });
  change({ 'Route/a': undefined, 'Route/b': 'two' });
  const update = await delta(source, 1);
  const [part] = update!.parts;
  const sent = fromBinary(WatchResponseSchema, toBinary(WatchResponseSchema, part!));
  expect(sent.message.case).toBe('update');
  expect(sent.message.value).toMatchObject({
    track: WireTrack.CONFIG,
    historyId: 'h',
    fromRevision: 1n,
    revision: 2n,
    digest: track.position('default').digest,
    upserts: [{ kind: 'Route', name: 'b', content: new TextEncoder().encode('two') }],
    removals: [{ kind: 'Route', name: 'a' }],
    snapshot: false,
    more: false,
  });
  expect(sent.$unknown).toBeUndefined();
});

it('nodes that need the same update get the same one', async () => {
  const { source, change } = createSource();
  change({ 'Route/a': 'one' });
  change({ 'Route/b': 'two' });
  const updates = await Promise.all([delta(source, 1), delta(source, 1), delta(source, 1)]);
  expect(new Set(updates).size).toBe(1);
  const snapshots = await Promise.all([snapshot(source), snapshot(source), snapshot(source, 1)]);
  expect(new Set(snapshots).size).toBe(1);
});

it('a snapshot serves for a second after a change, but not those that have it already', async () => {
  const { source, change, pass } = createSource();
  change({ 'Route/a': 'one' });
  const first = await snapshot(source);
  change({ 'Route/b': 'two' });
  expect(await snapshot(source)).toBe(first);
  const second = await snapshot(source, 1);
  expect(second.revision).toBe(2);
  change({ 'Route/c': 'three' });
  pass(1001);
  expect((await snapshot(source)).revision).toBe(3);
});

it('a revision ago is a delta, before the beginning of memory is none', async () => {
  const { source, change } = createSource();
  for (let n = 0; n < 5000; n++) change({ [`Route/r${n % 10}`]: String(n) });
  expect((await delta(source, 4999))?.revision).toBe(5000);
  expect(await delta(source, 1)).toBeUndefined();
});

it('what is kept has a bound', async () => {
  const { source, change } = createSource();
  const megabytes = 'x'.repeat(4 * 1024 * 1024);
  for (let n = 0; n < 60; n++) {
    change({ 'Route/a': `${n}${megabytes}` });
    if (n > 0) await delta(source, n);
  }
  expect(source.keptBytes).toBeGreaterThan(100e6);
  expect(source.keptBytes).toBeLessThanOrEqual(128 * 1024 * 1024);
});
