import type { ManifestProblem, Problem } from '@sluice/engine';
import { paint } from './paint.ts';
import { oneLine } from './plain-text.ts';

/** A place in a file that a person can go to. */
export interface FilePlace {
  readonly file: string;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

/** For standard error: `file:line:column: error: Route hello spec.timeout: message` and the remedy below it. */
export function formatProblem(problem: Problem, place: FilePlace | undefined): string {
  const at =
    place === undefined ? [] : [[place.file, place.line, place.column].filter((part) => part !== undefined).join(':')];
  const severity = paint(problem.severity === 'error' ? 'red' : 'yellow', problem.severity, process.stderr);
  const subject = [problem.kind, problem.name, problem.field].filter((part) => part !== '').join(' ');
  const parts = [...at.map(oneLine), severity, ...(subject === '' ? [] : [oneLine(subject)]), oneLine(problem.message)];
  const remedy = problem.remedy === undefined ? '' : `\n  ${oneLine(problem.remedy)}`;
  return `${parts.join(': ')}${remedy}`;
}

/** Shows warnings on standard error. */
export function printWarnings(
  warnings: readonly Problem[],
  placeOf: (problem: Problem) => FilePlace | undefined,
): void {
  for (const warning of warnings) process.stderr.write(`${formatProblem(warning, placeOf(warning))}\n`);
}

/** What files say, as far as problems are concerned. */
interface Manifests {
  readonly problems: readonly ManifestProblem[];
  placeOf(problem: Problem): FilePlace | undefined;
}

/** What is wrong with manifests as texts, and what was found by compiling what they say. */
export function formatProblems(manifests: Manifests, found: readonly Problem[]): string {
  const placed = [
    ...manifests.problems.map((problem) => ({ problem, place: problem as FilePlace | undefined })),
    ...found.map((problem) => ({ problem, place: manifests.placeOf(problem) })),
  ];
  return placed
    .sort((a, b) => comparePlaces(a.place, b.place))
    .map(({ problem, place }) => formatProblem(problem, place))
    .join('\n');
}

/** By file and line; what is in no file comes last. */
function comparePlaces(a: FilePlace | undefined, b: FilePlace | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
