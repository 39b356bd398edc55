import { type Problem, withoutFollowUps } from '@sluice/engine';
import type { ControlPlaneClient } from '../client/control-plane.ts';
import { readProblems } from '../client/read-problems.ts';
import type { LoadedManifests } from '../manifests/load-manifests.ts';
import { formatProblems } from '../output/problems.ts';

/**
 * Everything wrong with manifests of which something cannot be read: that, and what the control plane says about the rest. Where it
 * does not answer, the first alone.
 */
export async function explainAll(config: ControlPlaneClient['config'], manifests: LoadedManifests): Promise<string> {
  const resources = [...manifests.documents, ...manifests.partial].map(({ resource }) => resource);
  const found: readonly Problem[] = await config.diff({ resources }, { timeoutMs: ANSWER_MS }).then(
    ({ problems }) => readProblems(problems),
    () => [],
  );
  return formatProblems(manifests, withoutFollowUps(manifests, found));
}

/** More than this is not waited for: the change is refused already. */
const ANSWER_MS = 5_000;
