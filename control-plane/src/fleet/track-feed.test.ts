import { NackReason } from '@sluice/proto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { EncodedUpdate } from './encoded-update.ts';
import { nothingYet } from './position.ts';
import { TrackFeed } from './track-feed.ts';

/** A track whose digest at each revision is that number, and a node that follows it as the feed says. */
class Follower {
  readonly feed = new TrackFeed(nothingYet);
  readonly activated: number[] = [];
  revision = 1;
  node = 0;
  #ticket = 0;

  /** Makes what the feed asks for. False: it asks for nothing. */
  prepare(): boolean {
    const next = this.feed.next(this.revision);
    if (next === undefined) return false;
    expect(next.from).toBe(this.node);
    this.#ticket = this.feed.prepare();
    expect(this.feed.next(this.revision)).toBeUndefined();
    return true;
  }

  /** Sends all of what was prepared, as of now or (a snapshot from a cache) of a revision before. */
  send(parts: number): void {
    if (this.feed.state.kind !== 'preparing') return;
    this.feed.prepared(this.#ticket, updateTo(this.revision, parts));
    for (let part = 0; part < parts; part++) {
      expect(this.feed.state).toMatchObject({ kind: 'sending', nextPart: part });
      expect(this.feed.takePart(0)).toBeDefined();
    }
    expect(this.feed.takePart(0)).toBeUndefined();
  }

  ack(): void {
    if (this.feed.state.kind !== 'awaiting') return;
    const { revision, digest } = this.feed.state.update;
    expect(this.feed.ack({ revision, digest })).toBe(true);
    this.node = revision;
    this.activated.push(revision);
  }

  nack(reason: NackReason): void {
    if (this.feed.state.kind !== 'awaiting') return;
    const { revision } = this.feed.state.update;
    const position = this.node === 0 ? nothingYet : { revision: this.node, digest: digestOf(this.node) };
    expect(this.feed.nack(position, revision, reason, '')).toBe(true);
  }
}

const digestOf = (revision: number) => new Uint8Array(32).fill(revision % 256);

function updateTo(revision: number, parts: number): EncodedUpdate {
  const message = { $typeName: 'sluice.sync.v1.WatchResponse', message: { case: undefined } } as const;
  return { revision, digest: digestOf(revision), snapshot: false, parts: Array(parts).fill(message), sizeBytes: 0 };
}

const step = fc.oneof(
  fc.constant((one: Follower) => void one.revision++),
  fc.constant((one: Follower) => void one.prepare()),
  fc.integer({ min: 1, max: 3 }).map((parts) => (one: Follower) => one.send(parts)),
  fc.constant((one: Follower) => one.ack()),
  fc.constantFrom(...Object.values(NackReason)).map((reason) => (one: Follower) => one.nack(reason)),
);

it('whatever happens on the way, revisions go forward, one at a time is under way, and the next change arrives', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const one = new Follower();
      for (const run of steps) run(one);
      one.revision++;
      for (let turn = 0; turn < 4; turn++) {
        one.prepare();
        one.send(2);
        one.ack();
      }
      expect(one.node).toBe(one.revision);
      expect(one.feed.next(one.revision)).toBeUndefined();
      expect(one.feed.refused).toBeUndefined();
      expect(one.activated).toEqual([...new Set(one.activated)].sort((left, right) => left - right));
    }),
  );
});

it('an adoption overtakes what is being made', () => {
  const one = new Follower();
  one.prepare();
  const ticket = 1;
  one.feed.adopt();
  one.feed.prepared(ticket, updateTo(1, 1));
  expect(one.feed.state.kind).toBe('idle');
  expect(one.feed.next(1)).toEqual({ snapshot: true, forced: true, from: 0 });
});

it('answers to nothing that was sent change nothing', () => {
  const { feed } = new Follower();
  expect(feed.ack({ revision: 1, digest: digestOf(1) })).toBe(false);
  expect(feed.nack(nothingYet, 1, NackReason.DECODE, '')).toBe(false);
  expect(feed.state.kind).toBe('idle');
});
