import type { Problem } from '../config/problem.ts';
import type { ParsedManifests } from './parse-manifests.ts';

/**
 * Of the problems found by compiling what manifests say, whole and partial: those that stay once what could not be read is mended, as
 * far as can be known. Left out are those that may come from it, that others refer to what could not be read at all, and all warnings.
 * Where everything could be read, all stay.
 */
export function withoutFollowUps(
  { partial, problems }: Pick<ParsedManifests, 'partial' | 'problems'>,
  found: readonly Problem[],
): readonly Problem[] {
  if (problems.length === 0) return found;
  const doubts = new Map(partial.map(({ kind, name, isDoubtful }) => [`${kind}/${name}`, isDoubtful]));
  const unread = problems.map(({ kind, name }) => `there is no ${kind} "${name}"`);
  return found.filter(
    (problem) =>
      problem.severity === 'error' &&
      !unread.some((start) => problem.message.startsWith(start)) &&
      !doubts.get(`${problem.kind}/${problem.name}`)?.(problem),
  );
}
