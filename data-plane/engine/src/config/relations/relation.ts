import type { Examined } from '../examine.ts';
import type { ResourceKey } from '../kind.ts';
import type { Finding } from '../problem.ts';

/** One resource replaced by another: made, changed or removed. */
export interface Replacement {
  readonly key: ResourceKey;
  readonly before: Examined | undefined;
  readonly after: Examined | undefined;
}

/** A state of the configuration. */
export interface Resources {
  get(key: ResourceKey): Examined | undefined;
  /** How many there are of kind Listener. */
  readonly listeners: number;
}

/** Work in small pieces. */
export type Steps<Result = void> = Generator<void, Result, void>;

/** Takes what is wrong with one resource. */
export type ReportOn = (key: ResourceKey, finding: Finding) => void;

/**
 * What resources must keep to between each other, with an index that finds who is concerned. It is kept up to date by `remove` and
 * `add`, each O(the resource); `check` looks only at what the change concerns.
 */
export interface Relation {
  add(examined: Examined): void;
  remove(examined: Examined): void;
  /**
   * Reports on the state after the change, which the index already has. What was put in unchanged counts as changed. Yields between
   * small pieces of work, where it may be left for a while; until it has ended nothing else touches the index.
   */
  check(change: readonly Replacement[], resources: Resources, report: ReportOn): Steps;
}
