import { Code, ConnectError } from '@connectrpc/connect';
import { type Hello, Track } from '@sluice/proto';
import { retryableError } from '../rpc/errors.ts';
import type { TrackState } from '../state/track-state.ts';
import { isSameDigest, toPosition } from './position.ts';
import type { FollowedTrack, UpdateSource } from './update-source.ts';

/** The version of the protocol that this control plane speaks. */
const PROTOCOL_VERSION = 1;

/** What a Hello is held against. */
export interface HelloBasis {
  readonly historyId: string;
  readonly updates: UpdateSource;
  trackOf(track: FollowedTrack): TrackState;
  /** Reads the database now. Rejects while it is away. */
  refresh(): Promise<void>;
}

/**
 * Why a node gets no updates until it is adopted; undefined: it follows. A node that is ahead makes this replica read the
 * database first, and is never sent less than it has.
 * @throws ConnectError failed_precondition for another protocol, unavailable where the database would have to be read and is away
 */
export async function judgeHello(hello: Hello, basis: HelloBasis): Promise<string | undefined> {
  if (hello.protocol !== PROTOCOL_VERSION) {
    const message = `the node speaks version ${hello.protocol} of the protocol, this control plane ${PROTOCOL_VERSION}`;
    throw new ConnectError(message, Code.FailedPrecondition);
  }
  if (hello.historyId === '') return undefined;
  if (hello.historyId !== basis.historyId) return `its history is ${hello.historyId}, not ${basis.historyId}`;
  return (await judgeTrack(hello, Track.CONFIG, basis)) ?? (await judgeTrack(hello, Track.FACTS, basis));
}

async function judgeTrack(hello: Hello, track: FollowedTrack, basis: HelloBasis): Promise<string | undefined> {
  const state = basis.trackOf(track);
  const { revision, digest } = toPosition(track === Track.CONFIG ? hello.config : hello.facts);
  const name = track === Track.CONFIG ? 'revision' : 'facts version';
  if (revision > state.revision) {
    await basis.refresh().catch((cause: unknown) => {
      const error = retryableError(
        Code.Unavailable,
        'the database is away, and the node may be ahead of this replica',
        1000,
      );
      error.cause = cause;
      throw error;
    });
    if (revision > state.revision) return `its ${name} is ${revision}, and the last one here is ${state.revision}`;
  }
  if (revision === 0) return undefined;
  const expected =
    revision === state.revision
      ? state.position(hello.group).digest
      : (await basis.updates.delta(track, revision, hello.group))?.fromDigest;
  if (expected === undefined || isSameDigest(expected, digest)) return undefined;
  return `its ${name} ${revision} has another digest`;
}
