import type { ParsedPath } from './parse-path.ts';
import { PriorityBound } from './priority-bound.ts';
import { insertRanked, pickBest, type RankedEntries, type RouteEntry, removeRanked } from './ranked-entries.ts';
import type { RouteRequest } from './route-match.ts';
import { SegmentTrie, type TrieSegment } from './segment-trie.ts';
import { hashText, TextTable } from './text-table.ts';

/** The entries of one host pattern, by kind of path. */
export class HostTable<T> {
  /** Of all entries: a table that cannot hold a higher priority than the best so far need not be looked at. */
  readonly bound = new PriorityBound();
  readonly #exact = new TextTable<RankedEntries<T>>();
  readonly #templates = new BoundedTrie<T>();
  readonly #prefixes = new BoundedTrie<T>();
  readonly #regexes: RankedEntries<T> = [];
  readonly #anyPath: RankedEntries<T> = [];

  get regexCount(): number {
    return this.#regexes.length;
  }

  isEmpty(): boolean {
    return this.bound.max === Number.NEGATIVE_INFINITY;
  }

  add(entry: RouteEntry<T>): void {
    this.bound.add(entry.rank.priority);
    const { path } = entry.match;
    if (path === undefined) insertRanked(this.#anyPath, entry);
    else if (path.kind === 'regex') insertRanked(this.#regexes, entry);
    else if (path.kind === 'template') this.#templates.add(patternSegments(path), entry);
    else if (path.kind === 'prefix') this.#prefixes.add(path.segments, entry);
    else {
      const entries = this.#exact.get(path.value);
      if (entries === undefined) this.#exact.set(path.value, [entry]);
      else insertRanked(entries, entry);
    }
  }

  remove(entry: RouteEntry<T>): void {
    this.bound.delete(entry.rank.priority);
    const { path } = entry.match;
    if (path === undefined) removeRanked(this.#anyPath, entry);
    else if (path.kind === 'regex') removeRanked(this.#regexes, entry);
    else if (path.kind === 'template') this.#templates.remove(patternSegments(path), entry);
    else if (path.kind === 'prefix') this.#prefixes.remove(path.segments, entry);
    else {
      const entries = this.#exact.get(path.value)!;
      removeRanked(entries, entry);
      if (entries.length === 0) this.#exact.delete(path.value);
    }
  }

  /**
   * The greater of `best` and this table's greatest. Kinds of path are tried in falling order, and tables of falling host rank, so
   * that what was found before gives way only to a higher priority.
   */
  pick(request: RouteRequest, best: RouteEntry<T> | undefined): RouteEntry<T> | undefined {
    const { path } = request;
    const exact =
      this.#exact.size === 0 ? undefined : this.#exact.find(path, 0, path.length, hashText(path, 0, path.length));
    let greatest = exact === undefined ? best : pickBest(exact, request, best);
    if (path.charCodeAt(0) === SLASH) {
      if (canHoldGreater(this.#templates.bound, greatest)) greatest = this.#templates.trie.pickWhole(request, greatest);
      if (canHoldGreater(this.#prefixes.bound, greatest)) greatest = this.#prefixes.trie.pickPrefix(request, greatest);
    }
    greatest = pickBest(this.#regexes, request, greatest);
    return pickBest(this.#anyPath, request, greatest);
  }

  /** All entries whose path takes at least what `path` takes, and perhaps some regexes that do not. */
  visitCovering(path: ParsedPath | undefined, visit: (entry: RouteEntry<T>) => void): void {
    this.#anyPath.forEach(visit);
    if (path === undefined) return;
    this.#regexes.forEach(visit);
    if (path.kind === 'exact') {
      this.#exact.get(path.value)?.forEach(visit);
      if (path.value.charCodeAt(0) !== SLASH) return;
    }
    const segments = patternSegments(path);
    if (path.kind === 'exact' || path.kind === 'template') this.#templates.trie.visitWhole(segments, visit);
    if (path.kind !== 'regex' || path.regex.requiredPrefix.charCodeAt(0) === SLASH)
      this.#prefixes.trie.visitPrefix(segments, visit);
  }
}

/** Whether something of this bound can win over what has a greater host or kind of path, unless its priority is lower. */
export function canHoldGreater<T>(bound: PriorityBound, best: RouteEntry<T> | undefined): boolean {
  return best === undefined ? bound.max !== Number.NEGATIVE_INFINITY : bound.max > best.rank.priority;
}

const SLASH = 0x2f;

class BoundedTrie<T> {
  readonly bound = new PriorityBound();
  readonly trie = new SegmentTrie<T>();

  add(segments: readonly TrieSegment[], entry: RouteEntry<T>): void {
    this.bound.add(entry.rank.priority);
    this.trie.add(segments, entry);
  }

  remove(segments: readonly TrieSegment[], entry: RouteEntry<T>): void {
    this.bound.delete(entry.rank.priority);
    this.trie.remove(segments, entry);
  }
}

/** The segments every path of the pattern begins with; all of them for exact paths and templates. */
function patternSegments(path: ParsedPath): readonly TrieSegment[] {
  switch (path.kind) {
    case 'prefix':
      return path.segments;
    case 'template':
      return path.segments.map((segment) => (segment.kind === 'literal' ? segment.text : undefined));
    case 'exact':
      return path.value.slice(1).split('/');
    case 'regex':
      return path.regex.requiredPrefix.split('/').slice(1, -1);
    default:
      return path satisfies never;
  }
}
