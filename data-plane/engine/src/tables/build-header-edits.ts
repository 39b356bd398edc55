import type { HeaderEdits } from '@sluice/proto';
import { CannotBuild } from './cannot-build.ts';
import type { HeaderEditsPlan } from './plan.ts';

/**
 * Costs one joined text, as the lines are made here; names that are removed cost a table lookup for each field, those the parser has no
 * number for a set lookup too.
 */
export function buildHeaderEdits({ set, add, remove }: HeaderEdits): HeaderEditsPlan {
  return {
    removed: new Set([...remove, ...Object.keys(set)].map((name) => name.toLowerCase())),
    lines: [...Object.entries(set), ...Object.entries(add)].map(([name, value]) => headerLine(name, value)).join(''),
  };
}

/** The edits of one after those of the other: what the later sets or removes, the earlier no longer adds. */
export function concatenateHeaderEdits(
  earlier: HeaderEditsPlan | undefined,
  later: HeaderEditsPlan | undefined,
): HeaderEditsPlan | undefined {
  if (earlier === undefined || later === undefined) return later ?? earlier;
  const kept = earlier.lines
    .split('\r\n')
    .filter((line) => line !== '' && !later.removed.has(line.slice(0, line.indexOf(':')).toLowerCase()))
    .map((line) => `${line}\r\n`)
    .join('');
  return { removed: new Set([...earlier.removed, ...later.removed]), lines: kept + later.lines };
}

/** One line of a head. Throws where its name or value cannot stand there. */
export function headerLine(name: string, value: string): string {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || /[^\t\x20-\x7e]/.test(value)) {
    throw new CannotBuild(`the header ${JSON.stringify(name)} or its value has characters that headers cannot have`);
  }
  return `${name}: ${value}\r\n`;
}
