import type { Origin } from './origin.ts';
import { readStrictly, type StrictRequest } from './strict-requests.ts';

export type OriginSeen = {
  /** Whole messages, in order on each connection. */
  readonly requests: readonly StrictRequest[];
  /** What is not strict, the first on each connection. */
  readonly faults: readonly string[];
  readonly bytes: number;
};

/**
 * Watches what an origin gets on all its connections: the function returned tells what came since. Each connection is read from its
 * first byte, so what comes late of a message that began earlier is no message of its own, and no fault.
 */
export function watchOrigin(origin: Pick<Origin, 'accepted' | 'received'>): () => OriginSeen {
  const before = readConnections(origin);
  return () => {
    const now = readConnections(origin);
    return {
      requests: now.flatMap(({ requests }, i) => requests.slice(before[i]?.requests.length ?? 0)),
      faults: now.flatMap(({ fault }, i) => (fault === undefined || fault === before[i]?.fault ? [] : [fault])),
      bytes: now.reduce((sum, { bytes }, i) => sum + bytes - (before[i]?.bytes ?? 0), 0),
    };
  };
}

function readConnections({ accepted, received }: Pick<Origin, 'accepted' | 'received'>) {
  return Array.from({ length: accepted() }, (_, i) => {
    const bytes = received(i + 1);
    return { ...readStrictly(bytes), bytes: bytes.length };
  });
}
