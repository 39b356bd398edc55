/** A command of the README and what it is said to print. */
export interface ConsoleStep {
  /** The line of the README on which it stands. */
  readonly line: number;
  readonly command: string;
  readonly expected: readonly string[];
}

/** The commands of all `console` blocks in order: lines that begin with `$ `, with their here-documents; what follows is printed. */
export function readConsoleSteps(markdown: string): ConsoleStep[] {
  const steps: { line: number; command: string; expected: string[] }[] = [];
  let inBlock = false;
  let endOfHere: string | undefined;
  for (const [index, text] of markdown.split('\n').entries()) {
    if (!inBlock) {
      inBlock = text === '```console';
      continue;
    }
    const step = steps.at(-1);
    if (endOfHere !== undefined) {
      step!.command += `\n${text}`;
      if (text === endOfHere) endOfHere = undefined;
    } else if (text === '```') inBlock = false;
    else if (text.startsWith('$ ')) {
      steps.push({ line: index + 1, command: text.slice(2), expected: [] });
      endOfHere = /<<-?\s*(['"]?)(\w+)\1/.exec(text)?.[2];
    } else if (step === undefined) throw new Error(`README.md:${index + 1}: output before any command`);
    else step.expected.push(text);
  }
  return steps;
}

/** Whether lines are as expected: `...` stands for anything on its line, and alone on a line for any number of lines. */
export function matchesExpected(expected: readonly string[], printed: string): boolean {
  const pattern = expected
    .map((line) =>
      line === '...' ? '(?:[^\\n]*\\n)*' : `${line.split('...').map(escapeRegExp).join('[^\\n]*')}[^\\S\\n]*\\n`,
    )
    .join('');
  return new RegExp(`^${pattern}$`).test(printed === '' || printed.endsWith('\n') ? printed : `${printed}\n`);
}

/** White space may be any, as columns are as wide as what is in them. */
function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/ +/g, ' +');
}
