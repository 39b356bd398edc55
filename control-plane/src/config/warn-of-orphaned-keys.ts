import type { Checked, Problem } from '@sluice/engine';
import type { FactTrack } from '../state/fact-track.ts';

/** Keys outlive their consumer, as facts do, but authenticate nobody then. */
export function warnOfOrphanedKeys({ changes }: Checked, facts: FactTrack): Problem[] {
  return changes.flatMap(({ change, before }) => {
    if (change !== 'deleted' || before?.kind !== 'Consumer') return [];
    const keys = facts.keysOf(before.name).size;
    if (keys === 0) return [];
    return [
      {
        severity: 'warning',
        kind: before.kind,
        name: before.name,
        field: '',
        message: `its ${keys === 1 ? 'API key' : `${keys} API keys`} will authenticate nobody`,
        remedy: 'revoke the keys, or keep the consumer',
      },
    ];
  });
}
