import type { ControlResult } from './run-control-case.ts';
import type { ProxyResult } from './run-proxy-case.ts';
import type { Sample } from './wrk.ts';

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

/** Medians of the rounds, each beside its ratio to nginx in the same run. */
export function formatProxyResult({ name, about, candidates, problems }: ProxyResult): string {
  const title = `\n${name}: ${about}\n`;
  if (problems.length > 0)
    return `${title}  not measured, the work is not equal:\n${problems.map((line) => `    ${line}\n`).join('')}`;
  const columns = [
    { title: 'req/s', of: (sample: Sample) => sample.requestsPerSecond, digits: 0 },
    { title: 'CPU us/req', of: (sample: Sample) => sample.cpuUs, digits: 1 },
    { title: 'p50 ms', of: (sample: Sample) => sample.p50Ms, digits: 2 },
    { title: 'p99 ms', of: (sample: Sample) => sample.p99Ms, digits: 2 },
  ];
  const nginx = candidates.find((candidate) => candidate.name === 'nginx');
  const rows = candidates.map((candidate) => [
    candidate.name,
    ...columns.flatMap(({ of, digits }) => {
      const value = median(candidate.samples.map(of));
      const ratio = nginx === undefined ? '' : `${(value / median(nginx.samples.map(of))).toFixed(2)}x`;
      return [value.toFixed(digits), ratio];
    }),
    String(countErrors(candidate.samples)),
  ]);
  const header = ['', ...columns.flatMap((column) => [column.title, 'nginx']), 'errors'];
  return title + formatTable([header, ...rows]);
}

export function formatControlResult({ name, about, rows }: ControlResult): string {
  const cells = rows.map(({ what, value, unit, note }) => [what, value.toFixed(value < 100 ? 1 : 0), unit, note]);
  return `\n${name}: ${about}\n${formatTable(cells, [0, 2, 3])}`;
}

export function countErrors(samples: readonly Sample[]): number {
  return samples.reduce((sum, sample) => sum + sample.errors, 0);
}

/** Columns padded to their widest cell: to the left those given (default: the first), the others to the right. */
export function formatTable(rows: readonly (readonly string[])[], left: readonly number[] = [0]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const format = (row: readonly string[]) =>
    row
      .map((cell, column) => (left.includes(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ');
  return rows.map((row) => `  ${format(row).trimEnd()}\n`).join('');
}
