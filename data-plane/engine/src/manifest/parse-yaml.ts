import { type Document, LineCounter, parseAllDocuments, type YAMLError } from 'yaml';

/** A place in a text. Both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The documents of a YAML text, and what is wrong with its syntax. A document with a fault is not among them. */
export interface ParsedYaml {
  readonly documents: readonly Document.Parsed[];
  readonly faults: readonly { readonly offset: number; readonly message: string }[];
  /** @param offset in characters from the start of the text */
  positionAt(offset: number): Position;
}

/** Parses YAML 1.2, of which JSON is a part. Never throws. Duplicate keys are left to the reader. */
export function parseYaml(text: string): ParsedYaml {
  const lineCounter = new LineCounter();
  const positionAt = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  try {
    const parsed = parseAllDocuments(text, { lineCounter, uniqueKeys: false, prettyErrors: false, schema: 'core' });
    const all: readonly Document.Parsed[] = Array.isArray(parsed) ? parsed : [];
    const faults = all.flatMap(({ errors, warnings }) => firstAtEach([...errors, ...warnings]).map(describeFault));
    const documents = all.filter(({ errors, warnings }) => errors.length === 0 && warnings.length === 0);
    return { documents, faults, positionAt };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { documents: [], faults: [{ offset: 0, message: 'the text is nested too deeply' }], positionAt };
  }
}

/** One fault may lead to another at the same place. */
function firstAtEach(errors: readonly YAMLError[]): readonly YAMLError[] {
  return errors.filter(({ pos }, i) => errors.findIndex((each) => each.pos[0] === pos[0]) === i);
}

function describeFault({ pos: [offset], code, message }: YAMLError): { offset: number; message: string } {
  if (code === 'TAB_AS_INDENT') return { offset, message: 'a tab cannot indent; use spaces' };
  if (code === 'TAG_RESOLVE_FAILED') return { offset, message: message.replace(/^Unresolved tag/, 'unknown tag') };
  if (code === 'MISSING_CHAR' && message.endsWith('quote')) return { offset, message: 'a closing quote is missing' };
  return { offset, message: message.charAt(0).toLowerCase() + message.slice(1) };
}
