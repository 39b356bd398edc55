import { buildAutomaton, type CharacterAutomaton } from './regex-automaton.ts';
import { parseRegex, requiredPrefix } from './regex-syntax.ts';
import { MAX_PATTERN_CHARS } from './route-match.ts';

/** A regular expression compiled to a table: one load per character decides, whatever the input (docs/adr/0002-linear-regex.md). */
export interface LinearRegex {
  readonly source: string;
  /** Every value that matches begins with this; may be shorter than possible. */
  readonly requiredPrefix: string;
  /** Whether the whole value matches, as if the source stood between `^(?:` and `)$`. */
  test(value: string): boolean;
}

/** Why a pattern is refused, in words for the person who wrote it. */
export interface RegexProblem {
  readonly message: string;
}

/**
 * Compiles a pattern in the subset of RE2's syntax that needs no memory of what was matched: literals, `.`, classes,
 * `\d \w \s` and their complements, groups, alternation, `* + ? {n,m}`, `^ $`, a leading `(?i)`. Refused, each by name:
 * backreferences, look-around, word boundaries, Unicode classes, non-ASCII, and patterns that need too large a table.
 */
export function compileRegex(source: string): LinearRegex | RegexProblem {
  if (source.length > MAX_PATTERN_CHARS) return { message: `has more than ${MAX_PATTERN_CHARS} characters` };
  const syntax = parseRegex(source);
  if ('message' in syntax) return syntax;
  const automaton = buildAutomaton(syntax);
  if ('message' in automaton) return automaton;
  return {
    source,
    requiredPrefix: requiredPrefix(syntax),
    test: (value) => accepts(automaton, value),
  };
}

function accepts(automaton: CharacterAutomaton, value: string): boolean {
  const { classOf, otherClass, next, start } = automaton;
  let state = start;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    state = next[state + (code < 256 ? classOf[code]! : otherClass)]!;
    if (state === 0) return false;
  }
  return automaton.accepting[state] === 1;
}
