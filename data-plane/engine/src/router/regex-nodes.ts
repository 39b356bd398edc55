import type { CharacterSet } from './regex-character-set.ts';
import type { RegexSyntax } from './regex-syntax.ts';

export const NodeKind = { accept: 0, set: 1, split: 2, start: 3, end: 4 } as const;

/** A nondeterministic automaton (Thompson's construction) in columns. */
export interface RegexNodes {
  readonly kinds: readonly number[];
  readonly next: readonly number[];
  /** The second way of a split. */
  readonly other: readonly number[];
  /** What a set node consumes. */
  readonly sets: readonly (CharacterSet | undefined)[];
  readonly first: number;
}

const MAX_NODES = 4096;

/** Undefined where the repetitions, written out, need too many nodes. */
export function buildNodes(syntax: RegexSyntax): RegexNodes | undefined {
  const builder = new NodeBuilder();
  const first = builder.build(syntax, builder.add(NodeKind.accept, 0));
  if (builder.isFull()) return undefined;
  return { kinds: builder.kinds, next: builder.next, other: builder.other, sets: builder.sets, first };
}

/** Builds from the end to the front, so that each node knows what follows it. */
class NodeBuilder {
  readonly kinds: number[] = [];
  readonly next: number[] = [];
  readonly other: number[] = [];
  readonly sets: (CharacterSet | undefined)[] = [];

  isFull(): boolean {
    return this.kinds.length >= MAX_NODES;
  }

  add(kind: number, next: number, other = 0, set?: CharacterSet): number {
    this.kinds.push(kind);
    this.next.push(next);
    this.other.push(other);
    this.sets.push(set);
    return this.kinds.length - 1;
  }

  build(syntax: RegexSyntax, following: number): number {
    if (this.isFull()) return following;
    switch (syntax.kind) {
      case 'set':
        return this.add(NodeKind.set, following, 0, syntax.set);
      case 'start':
      case 'end':
        return this.add(NodeKind[syntax.kind], following);
      case 'sequence':
        return syntax.parts.reduceRight((after, part) => this.build(part, after), following);
      case 'choice':
        return syntax.parts
          .map((part) => this.build(part, following))
          .reduceRight((after, entry) => this.add(NodeKind.split, entry, after));
      case 'repeat':
        return this.#repeat(syntax.part, syntax.min, syntax.max, following);
      default:
        return syntax satisfies never;
    }
  }

  #repeat(part: RegexSyntax, min: number, max: number, following: number): number {
    let entry = following;
    if (max === Number.POSITIVE_INFINITY) {
      entry = this.add(NodeKind.split, 0, following);
      this.next[entry] = this.build(part, entry);
    } else {
      for (let i = min; i < max && !this.isFull(); i++)
        entry = this.add(NodeKind.split, this.build(part, entry), following);
    }
    for (let i = 0; i < min && !this.isFull(); i++) entry = this.build(part, entry);
    return entry;
  }
}
