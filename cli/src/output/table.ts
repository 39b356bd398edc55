import { cutToWidth, displayWidth } from './display-width.ts';
import { paint, type Style } from './paint.ts';
import { oneLine } from './plain-text.ts';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  /** The colour of a value on a terminal. */
  readonly style?: (row: Row) => Style | undefined;
  /** Only with `-o wide`. */
  readonly wide?: true;
}

const GAP = '  ';
/** Columns are not cut below this. */
const NARROWEST = 6;

/**
 * Rows under titles, in columns as wide as their widest value. Where that is wider than the terminal, the widest columns are cut,
 * with an ellipsis, and where that is not enough the last ones are left out. `width` undefined: nothing is cut.
 */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | undefined,
): string {
  const titles = columns.map(({ title }) => title.toUpperCase());
  const cells = rows.map((row) => columns.map(({ value }) => oneLine(value(row))));
  const natural = titles.map((title, index) =>
    cells.reduce((widest, row) => Math.max(widest, displayWidth(row[index]!)), displayWidth(title)),
  );
  const widths = width === undefined ? natural : fitWidths(natural, width);
  const styles = rows.map((row) => widths.map((_, index) => columns[index]!.style?.(row)));
  const line = (values: readonly string[], styleOf: (index: number) => Style | undefined): string =>
    widths
      .map((each, index) => {
        const text = cut(values[index]!, each);
        const style = styleOf(index);
        const painted = style === undefined ? text : paint(style, text);
        return index === widths.length - 1 ? painted : painted + ' '.repeat(each - displayWidth(text));
      })
      .join(GAP)
      .trimEnd();
  const lines = [line(titles, () => 'bold'), ...cells.map((row, at) => line(row, (index) => styles[at]![index]))];
  return lines.map((each) => `${each}\n`).join('');
}

/** As many of the first columns as have room, each at most as wide as it is; what is too much is taken from the widest. */
function fitWidths(natural: readonly number[], width: number): number[] {
  const widths = [...natural];
  while (widths.length > 1 && totalWidth(widths.map((each) => Math.min(each, NARROWEST))) > width) widths.pop();
  for (let excess = totalWidth(widths) - width; excess > 0; excess--) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest] === 1) break;
    widths[widest]!--;
  }
  return widths;
}

function totalWidth(widths: readonly number[]): number {
  return widths.reduce((sum, each) => sum + each, 0) + GAP.length * (widths.length - 1);
}

function cut(text: string, width: number): string {
  return displayWidth(text) <= width ? text : `${cutToWidth(text, width - 1)}…`;
}
