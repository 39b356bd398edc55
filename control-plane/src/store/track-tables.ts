import { advisoryLock } from './database.ts';
import { currentFacts, currentResources, factRevisions, factVersions, resourceVersions, revisions } from './schema.ts';
import type { TrackName } from './store.ts';

/** Where each track is kept, and the lock that its writers take. */
export const trackTables = {
  config: {
    lock: advisoryLock.config,
    revisions,
    versions: resourceVersions,
    current: currentResources,
  },
  facts: {
    lock: advisoryLock.facts,
    revisions: factRevisions,
    versions: factVersions,
    current: currentFacts,
  },
} as const satisfies Record<TrackName, unknown>;
