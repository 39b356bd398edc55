import { printManifest } from '@sluice/engine/manifest';
import { ChangeKind, type ResourceChange } from '@sluice/proto';
import { paint, type Style } from './paint.ts';
import { oneLine, plainText } from './plain-text.ts';

/** One line for each resource: `+ created Route/hello`. */
export function formatChanges(changes: readonly ResourceChange[]): string {
  return changes.map(formatHead).join('');
}

/** The resources with what differs below them: of those replaced the fields, of others the whole. */
export function formatDiff(changes: readonly ResourceChange[]): string {
  return changes.map((change) => formatHead(change) + formatBody(change)).join('');
}

/** `2 created, 1 updated` */
export function countChanges(changes: readonly ResourceChange[]): string {
  return Object.values(WORDS)
    .map(({ kind, word }) => [changes.filter(({ change }) => change === kind).length, word] as const)
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(', ');
}

/** `created`, `updated` or `deleted`. */
export function changeWord(kind: ChangeKind): string {
  return WORDS[kind]?.word ?? 'changed';
}

interface Words {
  readonly kind: ChangeKind;
  readonly word: string;
  readonly sign: string;
  readonly style: Style;
}

const WORDS: Readonly<Record<number, Words>> = {
  [ChangeKind.CREATED]: { kind: ChangeKind.CREATED, word: 'created', sign: '+', style: 'green' },
  [ChangeKind.UPDATED]: { kind: ChangeKind.UPDATED, word: 'updated', sign: '~', style: 'yellow' },
  [ChangeKind.DELETED]: { kind: ChangeKind.DELETED, word: 'deleted', sign: '-', style: 'red' },
};

function formatHead({ ref, change }: ResourceChange): string {
  const { sign, word, style } = WORDS[change] ?? { sign: '~', word: 'changed', style: 'yellow' };
  return `${paint(style, `${sign} ${word}`)} ${oneLine(`${ref?.kind}/${ref?.name}`)}\n`;
}

function formatBody({ before, after, fields }: ResourceChange): string {
  if (before === undefined && after !== undefined) return mark('+', 'green', printManifest(after), '    ');
  if (before !== undefined && after === undefined) return mark('-', 'red', printManifest(before), '    ');
  return fields
    .map(
      (each) =>
        `    ${oneLine(each.field)}:\n${mark('-', 'red', each.before, '      ')}${mark('+', 'green', each.after, '      ')}`,
    )
    .join('');
}

function mark(sign: string, style: Style, text: string, indent: string): string {
  if (text === '') return '';
  return plainText(text)
    .replace(/\n+$/, '')
    .split('\n')
    .map((line) => `${indent}${paint(style, `${sign} ${line}`)}\n`)
    .join('');
}
