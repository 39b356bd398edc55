/** A page that is written by a program. */
export function page(title: string, intro: string, ...sections: readonly string[]): string {
  const note = '<!-- Made from the source by: npm run docs -->';
  return `${[note, `# ${title}`, intro, ...sections].join('\n\n')}\n`;
}

/** A table; cells are text, in which what would end a cell is escaped. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}

export function code(text: string): string {
  return text === '' ? '' : `\`${text}\``;
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
