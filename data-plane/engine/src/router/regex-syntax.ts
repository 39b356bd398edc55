import type { RegexProblem } from './linear-regex.ts';
import { CharacterSet } from './regex-character-set.ts';

/** A parsed regular expression. */
export type RegexSyntax =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly RegexSyntax[] }
  | { readonly kind: 'repeat'; readonly part: RegexSyntax; readonly min: number; readonly max: number };

/** Parses a pattern; see compileRegex for what is admitted. */
export function parseRegex(source: string): RegexSyntax | RegexProblem {
  try {
    return new RegexParser(source).parse();
  } catch (error) {
    if (error instanceof RegexSyntaxError) return { message: error.message };
    throw error;
  }
}

/** The characters with which every match begins, as far as they can be read off without alternatives. */
export function requiredPrefix(syntax: RegexSyntax): string {
  let prefix = '';
  const parts = [syntax];
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    if (part.kind === 'sequence') parts.push(...part.parts.toReversed());
    else if (part.kind === 'set') {
      const only = part.set.only();
      if (only === undefined) break;
      prefix += String.fromCharCode(only);
    } else if (part.kind !== 'start') break;
  }
  return prefix;
}

/** Unwinds the recursive parser; never leaves this file. */
class RegexSyntaxError extends Error {}

const MAX_REPEAT = 1000;
const MAX_DEPTH = 64;
const CONTROL_ESCAPES: ReadonlyMap<string, number> = new Map([
  ['t', 9],
  ['n', 10],
  ['v', 11],
  ['f', 12],
  ['r', 13],
]);
const CLASS_ESCAPES: ReadonlyMap<string, CharacterSet> = new Map([
  ['d', CharacterSet.DIGIT],
  ['D', CharacterSet.DIGIT.complement()],
  ['w', CharacterSet.WORD],
  ['W', CharacterSet.WORD.complement()],
  ['s', CharacterSet.SPACE],
  ['S', CharacterSet.SPACE.complement()],
]);

class RegexParser {
  readonly #source: string;
  #at = 0;
  #depth = 0;
  #ignoreCase = false;

  constructor(source: string) {
    this.#source = source;
  }

  parse(): RegexSyntax {
    const outside = this.#source.search(/[^\x20-\x7e]/);
    if (outside !== -1) {
      throw new RegexSyntaxError(
        `character ${outside + 1} is not printable ASCII; write paths percent-encoded, else \\xHH`,
      );
    }
    this.#ignoreCase = this.#take('(?i)');
    const syntax = this.#choice();
    if (this.#at < this.#source.length) throw this.#error('has ")" without "("');
    return syntax;
  }

  #choice(): RegexSyntax {
    const parts = [this.#sequence()];
    while (this.#take('|')) parts.push(this.#sequence());
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts };
  }

  #sequence(): RegexSyntax {
    const parts: RegexSyntax[] = [];
    while (this.#at < this.#source.length && this.#peek() !== '|' && this.#peek() !== ')') {
      parts.push(this.#quantified(this.#atom()));
    }
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts };
  }

  #quantified(part: RegexSyntax): RegexSyntax {
    const bounds = this.#quantifier();
    if (bounds === undefined) return part;
    if (part.kind === 'start' || part.kind === 'end') throw this.#error('repeats "^" or "$"');
    this.#take('?');
    if (this.#peek() === '+')
      throw this.#error('has a possessive quantifier, which cannot be evaluated in linear time');
    if (this.#quantifier() !== undefined)
      throw this.#error('has a quantifier on a quantifier; put the first in (?:...)');
    return { kind: 'repeat', part, min: bounds.min, max: bounds.max };
  }

  #quantifier(): { readonly min: number; readonly max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#take('?')) return { min: 0, max: 1 };
    if (this.#peek() !== '{') return undefined;
    const counted = this.#takeMatch(/\{(\d{1,6})(,(\d{1,6})?)?\}/y);
    if (counted === undefined) throw this.#error('has "{" that begins no repetition; write it as "\\{"');
    const min = Number(counted[1]);
    const max =
      counted[3] !== undefined ? Number(counted[3]) : counted[2] === undefined ? min : Number.POSITIVE_INFINITY;
    if (max < min) throw this.#error(`has a repetition whose bounds are reversed: ${counted[0]}`);
    if (min > MAX_REPEAT || (max !== Number.POSITIVE_INFINITY && max > MAX_REPEAT)) {
      throw this.#error(`repeats more than ${MAX_REPEAT} times: ${counted[0]}`);
    }
    return { min, max };
  }

  #atom(): RegexSyntax {
    const character = this.#source[this.#at++]!;
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return { kind: 'set', set: this.#fold(this.#bracket()) };
      case '.':
        return { kind: 'set', set: CharacterSet.DOT };
      case '^':
        return { kind: 'start' };
      case '$':
        return { kind: 'end' };
      case '\\':
        return { kind: 'set', set: this.#fold(this.#escape()) };
      case '*':
      case '+':
      case '?':
        throw this.#error(`has "${character}" with nothing to repeat`);
      case '{':
      case '}':
      case ']':
        throw this.#error(`has a bare "${character}"; write it as "\\${character}"`);
      default:
        return { kind: 'set', set: this.#fold(CharacterSet.of(character.charCodeAt(0))) };
    }
  }

  #group(): RegexSyntax {
    if (this.#take('?')) this.#groupKind();
    if (++this.#depth > MAX_DEPTH) throw this.#error(`nests groups deeper than ${MAX_DEPTH}`);
    const inner = this.#choice();
    this.#depth--;
    if (!this.#take(')')) throw this.#error('has "(" without ")"');
    return inner;
  }

  #groupKind(): void {
    if (this.#take(':') || this.#takeMatch(/P?<[A-Za-z_]\w*>/y) !== undefined) return;
    if (this.#takeMatch(/<?[=!]/y) !== undefined) {
      throw this.#error('has look-around, which cannot be evaluated in linear time');
    }
    if (this.#take('>')) throw this.#error('has an atomic group, which cannot be evaluated in linear time');
    throw this.#error(
      'has an unknown kind of group; only (...), (?:...), (?<name>...) and a leading (?i) are supported',
    );
  }

  #escape(): CharacterSet {
    const character = this.#source[this.#at++];
    if (character === undefined) throw this.#error('ends in "\\"');
    const named = CLASS_ESCAPES.get(character);
    if (named !== undefined) return named;
    const control = CONTROL_ESCAPES.get(character);
    if (control !== undefined) return CharacterSet.of(control);
    if (character === 'x') {
      const hex = this.#takeMatch(/[0-9A-Fa-f]{2}/y);
      if (hex === undefined) throw this.#error('has "\\x" without two hexadecimal digits');
      return CharacterSet.of(Number.parseInt(hex[0], 16));
    }
    if (/[1-9]/.test(character) || character === 'k') {
      throw this.#error('has a backreference, which cannot be evaluated in linear time');
    }
    if (character === 'p' || character === 'P') throw this.#error('has a Unicode class; list the ASCII characters');
    if (character === 'b' || character === 'B') throw this.#error('has a word boundary, which is not supported');
    if (/[A-Za-z0-9]/.test(character)) throw this.#error(`has an unknown escape "\\${character}"`);
    return CharacterSet.of(character.charCodeAt(0));
  }

  #bracket(): CharacterSet {
    const negated = this.#take('^');
    let set = CharacterSet.EMPTY;
    if (this.#peek() === ']') throw this.#error('has an empty class; write "]" in a class as "\\]"');
    while (!this.#take(']')) {
      if (this.#at >= this.#source.length) throw this.#error('has "[" without "]"');
      if (this.#source.startsWith('[:', this.#at)) throw this.#error('has a POSIX class; write its characters instead');
      const low = this.#bracketItem();
      const isRange = this.#peek() === '-' && this.#source[this.#at + 1] !== ']' && this.#at + 1 < this.#source.length;
      if (!isRange) {
        set = set.union(low);
        continue;
      }
      this.#at++;
      const from = low.only();
      const to = this.#bracketItem().only();
      if (from === undefined || to === undefined || to < from) throw this.#error('has a class with an invalid range');
      set = set.union(CharacterSet.range(from, to));
    }
    const folded = this.#fold(set);
    return negated ? folded.complement() : folded;
  }

  #bracketItem(): CharacterSet {
    const character = this.#source[this.#at++]!;
    return character === '\\' ? this.#escape() : CharacterSet.of(character.charCodeAt(0));
  }

  #fold(set: CharacterSet): CharacterSet {
    return this.#ignoreCase ? set.foldCase() : set;
  }

  #peek(): string | undefined {
    return this.#source[this.#at];
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #takeMatch(sticky: RegExp): RegExpExecArray | undefined {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#source);
    if (found === null) return undefined;
    this.#at += found[0].length;
    return found;
  }

  #error(message: string): RegexSyntaxError {
    return new RegexSyntaxError(`${message} (near character ${Math.min(this.#at, this.#source.length)})`);
  }
}
