import { type Figure, format, formatLimit, type Measured, median } from './figure.ts';
import type { CaseResult } from './results.ts';
import { measures, type Sample } from './sample.ts';

/** One case as it is printed: medians of the rounds, then each number that is to be reached. */
export function formatCase({ name, about, candidates, figures, rows, problems, notes }: CaseResult): string {
  const title = `\n${name}: ${about}\n`;
  if (problems.length > 0) return `${title}  not measured:\n${problems.map((line) => `    ${line}\n`).join('')}`;
  const said = notes.map((note) => `  (${note})\n`).join('');
  const measured = candidates.length === 0 ? '' : formatMedians(candidates);
  const single = rows.map(({ what, value, unit, note }) => [what, value.toFixed(value < 100 ? 1 : 0), unit, note]);
  const bounds = figures.length === 0 ? '' : formatTable(figures.map(formatFigure), [0, 1, 2, 3, 4, 5]);
  return title + said + measured + (single.length === 0 ? '' : formatTable(single, [0, 2, 3])) + bounds;
}

/** The measures that any round of a case has, but for how many requests there were. */
export function listMeasures(candidates: readonly Measured[]): (keyof Sample)[] {
  const names = Object.keys(measures) as (keyof Sample)[];
  const present = (name: keyof Sample) => candidates.some((one) => one.samples.some((sample) => name in sample));
  return names.filter((name) => name !== 'requests' && present(name));
}

/** The median of the rounds, as it is shown; a dash where the measure does not apply, and of errors the sum. */
export function formatMedian({ samples }: Measured, measure: keyof Sample): string {
  const values = samples.flatMap((sample) => sample[measure] ?? []);
  if (values.length === 0) return '-';
  const value = measure === 'errors' ? values.reduce((sum, one) => sum + one, 0) : median(values);
  return value.toFixed(measures[measure].digits);
}

export function countErrors(candidates: readonly Measured[]): number {
  return candidates.flatMap(({ samples }) => samples).reduce((sum, { errors = 0 }) => sum + errors, 0);
}

/** Columns padded to their widest cell: to the left those given (default: the first), the others to the right. */
export function formatTable(rows: readonly (readonly string[])[], left: readonly number[] = [0]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const align = (row: readonly string[]) =>
    row
      .map((cell, column) => (left.includes(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ');
  return rows.map((row) => `  ${align(row).trimEnd()}\n`).join('');
}

function formatMedians(candidates: readonly Measured[]): string {
  const columns = listMeasures(candidates);
  const nginx = candidates.find(({ name, samples }) => name === 'nginx' && samples[0]?.cpuUs !== undefined);
  const cpuOf = ({ samples }: Measured) => median(samples.map(({ cpuUs = Number.NaN }) => cpuUs));
  const rows = candidates.map((one) => [
    one.name,
    ...columns.map((measure) => formatMedian(one, measure)),
    ...(nginx === undefined ? [] : [`${(cpuOf(one) / cpuOf(nginx)).toFixed(2)}x`]),
  ]);
  const titles = columns.map((measure) => measures[measure].title);
  return formatTable([['', ...titles, ...(nginx === undefined ? [] : ['CPU to nginx'])], ...rows]);
}

function formatFigure(figure: Figure): string[] {
  const { text, of, against, value, lowest, highest, met } = figure;
  return [
    met ? 'met   ' : 'MISSED',
    text,
    against === undefined ? of : `${of} against ${against}`,
    format(figure, value),
    formatLimit(figure),
    `rounds ${format(figure, lowest)} to ${format(figure, highest)}`,
  ];
}
