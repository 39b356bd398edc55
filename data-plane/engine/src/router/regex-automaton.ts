import type { RegexProblem } from './linear-regex.ts';
import { ALPHABET_SIZE } from './regex-character-set.ts';
import { buildNodes, NodeKind, type RegexNodes } from './regex-nodes.ts';
import type { RegexSyntax } from './regex-syntax.ts';

/**
 * A deterministic automaton. States are offsets of their rows in `next`; 0 is the state from which nothing matches.
 */
export interface CharacterAutomaton {
  /** The column of a character below 256. */
  readonly classOf: Uint16Array;
  /** The column of all other characters. */
  readonly otherClass: number;
  /** State + column -> state. */
  readonly next: Uint32Array;
  readonly start: number;
  /** 1 at the states in which the value may end. */
  readonly accepting: Uint8Array;
}

/** Table cells of one regex, at 5 bytes each: bounds memory. */
const MAX_CELLS = 1 << 17;
/** Steps of the construction: bounds the time to compile to some tens of milliseconds. */
const MAX_STEPS = 1 << 19;

/** Builds the whole automaton ahead (subset construction), or says that it would be too large. */
export function buildAutomaton(syntax: RegexSyntax): CharacterAutomaton | RegexProblem {
  const nodes = buildNodes(syntax);
  if (nodes === undefined) return { message: TOO_COMPLEX };
  const { classOf, representatives } = classifyCharacters(nodes);
  const width = representatives.length;
  const closure = new Closure(nodes);
  const states = new StateTable(closure);
  states.intern(closure.from([], false));
  const start = states.intern(closure.from([nodes.first], true));
  const next: number[] = representatives.map(() => 0);
  for (let state = 1; state < states.size; state++) {
    for (const code of representatives) {
      const targets: number[] = [];
      for (const node of states.nodesOf(state)) if (nodes.sets[node]!.has(code)) targets.push(nodes.next[node]!);
      next.push(states.intern(closure.from(targets, false)) * width);
      if (closure.steps > MAX_STEPS || next.length > MAX_CELLS) return { message: TOO_COMPLEX };
    }
  }
  const accepting = new Uint8Array(next.length);
  for (let state = 0; state < states.size; state++) if (states.isAccepting(state)) accepting[state * width] = 1;
  return {
    classOf,
    otherClass: classOf[ALPHABET_SIZE - 1]!,
    next: Uint32Array.from(next),
    start: start * width,
    accepting,
  };
}

const TOO_COMPLEX =
  'needs too large a table to be decided in one step per character; use fewer or smaller {n,m}, mostly after ".*"';

interface ReachableNodes {
  /** The set nodes to go on from, ascending. */
  readonly waiting: readonly number[];
  readonly accepting: boolean;
}

/** Follows the nodes that consume nothing. */
class Closure {
  steps = 0;
  readonly #nodes: RegexNodes;
  readonly #seen: Uint32Array;
  #round = 0;

  constructor(nodes: RegexNodes) {
    this.#nodes = nodes;
    this.#seen = new Uint32Array(nodes.kinds.length * 2);
  }

  /** What is reached from the nodes; `^` passes at the start only, and what is behind `$` counts for acceptance only. */
  from(first: readonly number[], atStart: boolean): ReachableNodes {
    const { kinds, next, other } = this.#nodes;
    const round = ++this.#round;
    const waiting: number[] = [];
    let accepting = false;
    const stack = first.map((node) => node * 2);
    for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
      this.steps++;
      if (this.#seen[entry] === round) continue;
      this.#seen[entry] = round;
      const node = entry >> 1;
      const atEnd = entry & 1;
      const kind = kinds[node]!;
      if (kind === NodeKind.accept) accepting = true;
      else if (kind === NodeKind.set) {
        if (atEnd === 0) waiting.push(node);
      } else if (kind === NodeKind.end) stack.push(next[node]! * 2 + 1);
      else if (kind !== NodeKind.start || atStart) stack.push(next[node]! * 2 + atEnd);
      if (kind === NodeKind.split) stack.push(other[node]! * 2 + atEnd);
    }
    return { waiting: waiting.sort((a, b) => a - b), accepting };
  }
}

/** Numbers the distinct sets of nodes in the order they are found. */
class StateTable {
  readonly #closure: Closure;
  readonly #ids = new Map<string, number>();
  readonly #states: ReachableNodes[] = [];

  constructor(closure: Closure) {
    this.#closure = closure;
  }

  get size(): number {
    return this.#states.length;
  }

  intern(reached: ReachableNodes): number {
    this.#closure.steps += reached.waiting.length;
    const key = `${reached.accepting ? '+' : '-'}${reached.waiting.join(',')}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#states.length;
    this.#ids.set(key, id);
    this.#states.push(reached);
    return id;
  }

  nodesOf(state: number): readonly number[] {
    return this.#states[state]!.waiting;
  }

  isAccepting(state: number): boolean {
    return this.#states[state]!.accepting;
  }
}

/** Groups the characters no set of the pattern tells apart. */
function classifyCharacters(nodes: RegexNodes): { readonly classOf: Uint16Array; readonly representatives: number[] } {
  let classOf = new Uint16Array(ALPHABET_SIZE);
  let representatives = [0];
  for (const set of new Set(nodes.sets.filter((candidate) => candidate !== undefined))) {
    const ids = new Int16Array(ALPHABET_SIZE * 2).fill(-1);
    const refined = new Uint16Array(ALPHABET_SIZE);
    representatives = [];
    for (let code = 0; code < ALPHABET_SIZE; code++) {
      const key = classOf[code]! * 2 + (set.has(code) ? 1 : 0);
      if (ids[key] === -1) ids[key] = representatives.push(code) - 1;
      refined[code] = ids[key]!;
    }
    classOf = refined;
  }
  return { classOf, representatives };
}
