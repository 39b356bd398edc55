import type { Revision } from '@sluice/proto';
import { formatTime } from './time.ts';

/** A revision as `-o json` and `-o yaml` print it. */
export function revisionValue(revision: Revision): Record<string, unknown> {
  const { createdAt, author, message, digest, created, updated, deleted, rollbackOf, forced } = revision;
  return {
    revision: Number(revision.revision),
    createdAt: formatTime(createdAt),
    author,
    message,
    digest: Buffer.from(digest).toString('hex'),
    created,
    updated,
    deleted,
    ...(rollbackOf === 0n ? {} : { rollbackOf: Number(rollbackOf) }),
    ...(forced ? { forced } : {}),
  };
}
