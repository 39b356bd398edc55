import { insertRanked, pickBest, type RankedEntries, type RouteEntry, removeRanked } from './ranked-entries.ts';
import type { RouteRequest } from './route-match.ts';
import { hashSegment, segmentEnd, TextTable } from './text-table.ts';

/** A segment of a pattern; undefined is a parameter. */
export type TrieSegment = string | undefined;

/** Entries by the segments of their pattern. Lookups cost what the path's depth costs, whatever the number of entries. */
export class SegmentTrie<T> {
  readonly #root = new TrieNode<T>();

  add(segments: readonly TrieSegment[], entry: RouteEntry<T>): void {
    let node = this.#root;
    for (const segment of segments) node = node.childOrNew(segment);
    node.entries ??= [];
    insertRanked(node.entries, entry);
  }

  remove(segments: readonly TrieSegment[], entry: RouteEntry<T>): void {
    removeBelow(this.#root, segments, 0, entry);
  }

  /** Among patterns with as many segments as the path. */
  pickWhole(request: RouteRequest, best: RouteEntry<T> | undefined): RouteEntry<T> | undefined {
    return pickWholeBelow(this.#root, request, 1, best);
  }

  /** Among patterns whose segments begin the path; the longest first. */
  pickPrefix(request: RouteRequest, best: RouteEntry<T> | undefined): RouteEntry<T> | undefined {
    return pickPrefixBelow(this.#root, request, 1, best);
  }

  /** The entries whose pattern takes all that a pattern of these segments takes. */
  visitWhole(segments: readonly TrieSegment[], visit: (entry: RouteEntry<T>) => void): void {
    visitWholeBelow(this.#root, segments, 0, visit);
  }

  /** The entries whose segments begin these; a parameter begins with no literal. */
  visitPrefix(segments: readonly TrieSegment[], visit: (entry: RouteEntry<T>) => void): void {
    let node: TrieNode<T> | undefined = this.#root;
    for (let depth = 0; node !== undefined; depth++) {
      node.entries?.forEach(visit);
      const segment: TrieSegment = segments[depth];
      node = segment === undefined ? undefined : node.literals?.get(segment);
    }
  }
}

class TrieNode<T> {
  literals: TextTable<TrieNode<T>> | undefined = undefined;
  parameter: TrieNode<T> | undefined = undefined;
  entries: RankedEntries<T> | undefined = undefined;

  child(segment: TrieSegment): TrieNode<T> | undefined {
    return segment === undefined ? this.parameter : this.literals?.get(segment);
  }

  childOrNew(segment: TrieSegment): TrieNode<T> {
    const known = this.child(segment);
    if (known !== undefined) return known;
    const made = new TrieNode<T>();
    if (segment === undefined) {
      this.parameter = made;
    } else {
      this.literals ??= new TextTable();
      this.literals.set(segment, made);
    }
    return made;
  }

  removeChild(segment: TrieSegment): void {
    if (segment === undefined) this.parameter = undefined;
    else if (this.literals !== undefined) {
      this.literals.delete(segment);
      if (this.literals.size === 0) this.literals = undefined;
    }
  }

  isEmpty(): boolean {
    return this.literals === undefined && this.parameter === undefined && this.entries === undefined;
  }
}

function removeBelow<T>(
  node: TrieNode<T>,
  segments: readonly TrieSegment[],
  depth: number,
  entry: RouteEntry<T>,
): void {
  if (depth === segments.length) {
    removeRanked(node.entries!, entry);
    if (node.entries!.length === 0) node.entries = undefined;
    return;
  }
  const child = node.child(segments[depth])!;
  removeBelow(child, segments, depth + 1, entry);
  if (child.isEmpty()) node.removeChild(segments[depth]);
}

/** `start` is where the next segment begins; one past the path's end when all are taken. */
function pickWholeBelow<T>(
  node: TrieNode<T>,
  request: RouteRequest,
  start: number,
  best: RouteEntry<T> | undefined,
): RouteEntry<T> | undefined {
  const { path } = request;
  if (start > path.length) return node.entries === undefined ? best : pickBest(node.entries, request, best);
  const hash = hashSegment(path, start);
  const end = segmentEnd;
  let greatest = best;
  const literal = node.literals?.find(path, start, end, hash);
  if (literal !== undefined) greatest = pickWholeBelow(literal, request, end + 1, greatest);
  if (node.parameter !== undefined && end > start) {
    greatest = pickWholeBelow(node.parameter, request, end + 1, greatest);
  }
  return greatest;
}

function pickPrefixBelow<T>(
  node: TrieNode<T>,
  request: RouteRequest,
  start: number,
  best: RouteEntry<T> | undefined,
): RouteEntry<T> | undefined {
  const { path } = request;
  let greatest = best;
  if (node.literals !== undefined && start <= path.length) {
    const hash = hashSegment(path, start);
    const end = segmentEnd;
    const child = node.literals.find(path, start, end, hash);
    if (child !== undefined) greatest = pickPrefixBelow(child, request, end + 1, greatest);
  }
  return node.entries === undefined ? greatest : pickBest(node.entries, request, greatest);
}

function visitWholeBelow<T>(
  node: TrieNode<T>,
  segments: readonly TrieSegment[],
  depth: number,
  visit: (entry: RouteEntry<T>) => void,
): void {
  if (depth === segments.length) {
    node.entries?.forEach(visit);
    return;
  }
  const segment = segments[depth];
  const literal = segment === undefined ? undefined : node.literals?.get(segment);
  if (literal !== undefined) visitWholeBelow(literal, segments, depth + 1, visit);
  if (node.parameter !== undefined && segment !== '') visitWholeBelow(node.parameter, segments, depth + 1, visit);
}
