/** Code units 0 to 255, and one member that stands for all above. */
export const ALPHABET_SIZE = 257;

/** An immutable set of characters. */
export class CharacterSet {
  static readonly EMPTY = new CharacterSet(new Uint8Array(ALPHABET_SIZE));
  static readonly DIGIT = CharacterSet.range(0x30, 0x39);
  static readonly WORD = CharacterSet.DIGIT.union(CharacterSet.range(0x41, 0x5a))
    .union(CharacterSet.range(0x61, 0x7a))
    .union(CharacterSet.of(0x5f));
  /** As in RE2: tab, line feed, form feed, carriage return, space. */
  static readonly SPACE = CharacterSet.range(9, 10).union(CharacterSet.range(12, 13)).union(CharacterSet.of(0x20));
  /** Everything but a line feed. */
  static readonly DOT = CharacterSet.of(10).complement();

  readonly #members: Uint8Array;

  private constructor(members: Uint8Array) {
    this.#members = members;
  }

  static of(code: number): CharacterSet {
    return CharacterSet.range(code, code);
  }

  /** Both ends included. */
  static range(from: number, to: number): CharacterSet {
    return new CharacterSet(new Uint8Array(ALPHABET_SIZE).fill(1, from, to + 1));
  }

  has(code: number): boolean {
    return this.#members[code] === 1;
  }

  /** The member of a set of one, else undefined. */
  only(): number | undefined {
    const first = this.#members.indexOf(1);
    return first === -1 || this.#members.indexOf(1, first + 1) !== -1 ? undefined : first;
  }

  union(other: CharacterSet): CharacterSet {
    return new CharacterSet(this.#members.map((member, code) => member | other.#members[code]!));
  }

  complement(): CharacterSet {
    return new CharacterSet(this.#members.map((member) => 1 - member));
  }

  /** With the other case of each ASCII letter. */
  foldCase(): CharacterSet {
    return new CharacterSet(
      this.#members.map((member, code) => {
        const other = code >= 0x41 && code <= 0x5a ? code + 32 : code >= 0x61 && code <= 0x7a ? code - 32 : code;
        return member | this.#members[other]!;
      }),
    );
  }
}
