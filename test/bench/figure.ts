import type { Sample } from './sample.ts';

/** A number that is to be reached, known before anything is measured. */
export type Bound = {
  /** What is compared, as the page says it. */
  readonly text: string;
  /** The candidate it is about, and the one it is compared with. */
  readonly of: string;
  readonly against?: string;
  readonly measure: keyof Sample;
  /** With `against`: how many times its value, or how much more than it. */
  readonly as: 'ratio' | 'difference' | 'value';
  /** Default: `x`. */
  readonly unit?: string;
  /** One of the two. */
  readonly atMost?: number;
  readonly atLeast?: number;
  /** Beyond the bound: what is aimed at. */
  readonly aim?: number;
};

/** A bound and what was reached. */
export type Figure = Bound & {
  /** Of the medians of all rounds. */
  readonly value: number;
  /** The lowest and the highest value of one round. */
  readonly lowest: number;
  readonly highest: number;
  readonly met: boolean;
};

export type Measured = { readonly name: string; readonly samples: readonly Sample[] };

/** Undefined where a candidate that the bound names was not measured. */
export function judge(bound: Bound, candidates: readonly Measured[]): Figure | undefined {
  const valuesOf = (name: string | undefined) =>
    candidates.find((one) => one.name === name)?.samples.map((sample) => sample[bound.measure] ?? Number.NaN);
  const values = valuesOf(bound.of);
  const others = valuesOf(bound.against);
  if (values === undefined || values.length === 0 || (bound.against !== undefined && others === undefined)) return;
  const compare = (value: number, other: number) => {
    if (bound.as === 'ratio') return value / other;
    return bound.as === 'difference' ? value - other : value;
  };
  const value = compare(median(values), median(others ?? values));
  const rounds = values.map((one, round) => compare(one, (others ?? values)[round]!));
  const met = value <= (bound.atMost ?? Infinity) && value >= (bound.atLeast ?? -Infinity);
  return { ...bound, value, lowest: Math.min(...rounds), highest: Math.max(...rounds), met };
}

/** The value in the middle; of an even number of them the mean of the two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The smallest value that `share` (0 to 1) of all values do not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

/** How far a figure may go, in words: `at most 1.30x`. */
export function formatBound(bound: Bound): string {
  const { atMost, atLeast } = bound;
  return atMost === undefined ? `at least ${format(bound, atLeast!)}` : `at most ${format(bound, atMost)}`;
}

/** The same, with what is aimed at beyond it. */
export function formatLimit(bound: Bound): string {
  const said = formatBound(bound);
  return bound.aim === undefined ? said : `${said}, ${format(bound, bound.aim)} the aim`;
}

/** A value with the bound's unit: `1.21x`, `0.15 ms`. */
export function format({ unit = 'x' }: Bound, value: number): string {
  return unit === 'x' ? `${value.toFixed(2)}x` : `${value.toFixed(unit === 'ms' ? 3 : 1)} ${unit}`;
}
