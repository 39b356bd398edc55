import { Track } from '@sluice/proto';
import type { Fleet } from './fleet.ts';

const WAIT_MS = 1_000;

/** Resolves when every node that follows here has this version of the facts, or after a second. */
export function factsReached(fleet: Fleet, version: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    for (const session of fleet.sessions()) {
      const follows = session.state.kind === 'following';
      if (follows && session.feed(Track.FACTS).active.revision < version) return;
    }
    resolve();
  };
  const timer = setTimeout(resolve, WAIT_MS);
  const unsubscribe = fleet.subscribe(look);
  look();
  return promise.finally(() => {
    clearTimeout(timer);
    unsubscribe();
  });
}
