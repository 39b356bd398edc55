const PLAIN = /^[ !#-[\]-~]*$/;
const ESCAPED = /[^ !#-[\]-~]/g;

/**
 * A text as JSON of printable ASCII alone: whatever it holds, it ends no line and no string, and moves no terminal's cursor. What is
 * longer than `most` characters is cut and ends in an ellipsis.
 */
export function jsonText(text: string, most: number): string {
  const cut = text.length > most ? `${text.slice(0, most)}\u2026` : text;
  return PLAIN.test(cut) ? `"${cut}"` : `"${cut.replace(ESCAPED, escaped)}"`;
}

function escaped(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
