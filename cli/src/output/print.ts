import { toManifestValue } from '@sluice/engine';
import type { Resource } from '@sluice/proto';
import { InvalidArgumentError } from 'commander';
import { Document, visit } from 'yaml';
import { type Column, formatTable } from './table.ts';

const outputFormats = ['table', 'wide', 'json', 'yaml'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** Prints a list: as a table for people, or exactly, as `value` gives each row. */
export function printList<Row>(
  format: OutputFormat,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  value: (row: Row) => unknown,
): void {
  switch (format) {
    case 'json':
    case 'yaml':
      printValue(format, rows.map(value));
      break;
    case 'table':
    case 'wide':
      printTable(rows, columns, format === 'wide');
      break;
    default:
      format satisfies never;
  }
}

/** A table as wide as the terminal, or with `wide` as it is. */
export function printTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], wide: boolean): void {
  const shown = columns.filter((column) => wide || column.wide !== true);
  const width = process.stdout.isTTY && !wide ? process.stdout.columns : undefined;
  process.stdout.write(formatTable(shown, rows, width));
}

export function printValue(format: 'json' | 'yaml', value: unknown): void {
  process.stdout.write(format === 'json' ? formatJson(value) : formatYaml(value));
}

/** Resources so that `apply` takes them back: YAML documents, or a JSON list. */
export function printResources(format: 'json' | 'yaml', resources: readonly Resource[]): void {
  const values = resources.map(toManifestValue);
  process.stdout.write(format === 'json' ? formatJson(values) : values.map(formatYaml).join('---\n'));
}

/** Characters that act on a terminal and that JSON and YAML would leave as they are: DEL, C1, line and paragraph separators. */
const UNSAFE = /[\u007f-\u009f\u2028\u2029]/g;

/** JSON that a terminal only shows. */
export function formatJson(value: unknown): string {
  return `${escapeUnsafe(JSON.stringify(value, undefined, 2))}\n`;
}

/** YAML that a terminal only shows. */
export function formatYaml(value: unknown): string {
  const document = new Document(value, { schema: 'core', aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && node.value.search(UNSAFE) !== -1) node.type = 'QUOTE_DOUBLE';
    },
  });
  return escapeUnsafe(document.toString({ lineWidth: 0 }));
}

/** In texts in which such characters stand in double quotes only. */
function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Reads `-o`. */
export function readOutputFormat(text: string): OutputFormat {
  const format = outputFormats.find((each) => each === text);
  if (format === undefined) throw new InvalidArgumentError(`It is one of ${outputFormats.join(', ')}.`);
  return format;
}
