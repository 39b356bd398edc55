import type { Explanation, FailedCondition, MatchVerdict, RequestOutcome, StepVerdict } from '@sluice/engine';
import { paint, type Style } from '../output/paint.ts';
import { oneLine } from '../output/plain-text.ts';
import { printTable } from '../output/print.ts';
import type { Column } from '../output/table.ts';

/** The whole decision, for people. */
export function printExplanation(explanation: Explanation, wide: boolean): void {
  const { outcome, steps, taking, alsoTaking, nearest } = explanation;
  process.stdout.write(`${paint(STYLES[outcome.kind], formatOutcome(outcome))}\n\n`);
  printTable(steps, STEP_COLUMNS, wide);
  if (taking !== undefined) {
    process.stdout.write('\nmatches that take it, the first of which wins:\n');
    printTable([taking, ...alsoTaking], MATCH_COLUMNS, wide);
  }
  if (nearest.length > 0) {
    process.stdout.write('\nmatches that nearly take it:\n');
    printTable(nearest, [...MATCH_COLUMNS, ...MISS_COLUMNS], wide);
  }
}

/** `forwarded: goes to orders`, `404 route_not_found: no route takes this request`. */
export function formatOutcome({ status, code, says }: RequestOutcome): string {
  return oneLine(`${[status ?? 'forwarded', code].filter((part) => part !== undefined).join(' ')}: ${says}`);
}

/** Exact, for programs. */
export function explanationValue(explanation: Explanation): Record<string, unknown> {
  const { outcome, taking, alsoTaking, nearest, ...rest } = explanation;
  return {
    outcome,
    ...rest,
    taking: taking && matchValue(taking),
    alsoTaking: alsoTaking.map(matchValue),
    nearest: nearest.map(matchValue),
  };
}

const STYLES: Readonly<Record<RequestOutcome['kind'], Style>> = { forward: 'green', answer: 'yellow', refuse: 'red' };

const STEP_COLUMNS: readonly Column<StepVerdict>[] = [
  { title: 'step', value: ({ step }) => step },
  {
    title: 'verdict',
    value: ({ verdict }) => verdict,
    style: ({ verdict }) => (({ pass: 'green', end: 'red', open: 'yellow' }) as const)[verdict],
  },
  { title: 'why', value: ({ says }) => says },
];

const MATCH_COLUMNS: readonly Column<MatchVerdict>[] = [
  { title: 'route', value: ({ rank }) => rank.routeName },
  { title: 'match', value: ({ says }) => says },
  { title: 'priority', value: ({ rank }) => String(rank.priority) },
];

const MISS_COLUMNS: readonly Column<MatchVerdict>[] = [
  { title: 'fails at', value: ({ failed }) => (failed === undefined ? '' : conditionName(failed)) },
  { title: 'wants', value: ({ failed }) => failed?.wants ?? '' },
  { title: 'has', value: ({ failed }) => failed?.has ?? '-' },
];

function conditionName({ kind, name }: FailedCondition): string {
  return name === '' ? kind : `${kind} ${name}`;
}

function matchValue({ rank, says, failed }: MatchVerdict): Record<string, unknown> {
  const { routeName, matchIndex, priority } = rank;
  return { route: routeName, match: matchIndex, says, priority, ...(failed === undefined ? {} : { failed }) };
}
