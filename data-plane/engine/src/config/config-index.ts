import type { Resource } from '@sluice/proto';
import { compileSupportCheck, type SupportCheck } from './check-supported.ts';
import { type Examined, examine } from './examine.ts';
import { type Kind, keyOf, parseKey, type ResourceKey } from './kind.ts';
import type { Finding, Problem } from './problem.ts';
import type { Replacement, Steps } from './relations/relation.ts';
import { Relations } from './relations/relations.ts';
import { RunningCheck } from './running-check.ts';
import type { StoredEntry } from './stored-entry.ts';
import { UNSUPPORTED, type UnsupportedTable } from './unsupported.ts';

/** What is put in and taken out together. */
export interface Change {
  readonly upserts: readonly Resource[];
  readonly removals: readonly ResourceKey[];
}

/** What a change would do and what is wrong with it. */
export interface Checked {
  /** Those of the change's resources first, in its order; then those of resources the change concerns. */
  readonly problems: readonly Problem[];
  /** What would not be as it was; resources that stay byte for byte are left out. */
  readonly changes: readonly EntryChange[];
}

export interface EntryChange {
  readonly key: ResourceKey;
  readonly change: 'created' | 'updated' | 'deleted';
  readonly before?: StoredEntry;
  readonly after?: StoredEntry;
}

export interface ConfigIndexOptions {
  /** What to refuse as not supported by this version. Default: {@link UNSUPPORTED}. */
  readonly unsupported?: UnsupportedTable;
}

/** The configuration as a whole from scratch, and all that is wrong with it. The index holds every resource, right or wrong. */
export function compileSnapshot(
  resources: readonly Resource[],
  options?: ConfigIndexOptions,
): { readonly index: ConfigIndex; readonly problems: readonly Problem[] } {
  const index = ConfigIndex.empty(options);
  const checked = index.check({ upserts: resources, removals: [] });
  index.commit(checked);
  return { index, problems: checked.problems };
}

/**
 * A configuration that is checked change by change: a change costs what it and its referrers cost, whatever else there is. Any
 * sequence of changes ends in the same state and finds the same problems as compiling the result from scratch.
 *
 * A problem is found when a change makes it, or touches the resource that has it. It does not refuse a configuration that it is in
 * already: an index may hold what a stricter version would refuse.
 */
export class ConfigIndex {
  readonly #checkSupported: SupportCheck;
  readonly #resources = new Map<ResourceKey, Examined>();
  #relations = new Relations();
  readonly #pending = new WeakMap<Checked, Pending>();
  #running: RunningCheck | undefined;
  #version = 0;

  static empty(options: ConfigIndexOptions = {}): ConfigIndex {
    return new ConfigIndex(compileSupportCheck(options.unsupported ?? UNSUPPORTED));
  }

  constructor(checkSupported: SupportCheck) {
    this.#checkSupported = checkSupported;
  }

  get size(): number {
    return this.#resources.size;
  }

  get(key: ResourceKey): StoredEntry | undefined {
    return this.#resources.get(key)?.entry;
  }

  /** In no particular order. */
  *entries(): Iterable<StoredEntry> {
    for (const { entry } of this.#resources.values()) yield entry;
  }

  /** Says what a change does and what is wrong with it. Changes nothing that can be seen. A check in turns that runs is ended first. */
  check(change: Change): Checked {
    this.#running?.end();
    return this.#begin(change).end();
  }

  /**
   * The same, for changes that take long: asks `pause` between small steps, and waits for the promise it returns, if any. Checks in
   * turns run one after another. What is committed meanwhile ends this one first.
   */
  async checkInTurns(change: Change, pause: () => Promise<void> | undefined): Promise<Checked> {
    while (this.#running !== undefined) await this.#running.ended;
    const running = this.#begin(change);
    while (running.step()) {
      const turn = pause();
      if (turn !== undefined) await turn;
    }
    return running.end();
  }

  /**
   * Makes a checked change real. Throws where the configuration is not the one it was checked against. Whoever does not want errors
   * looks at the problems first: a replica that follows what is stored must take it as it is.
   */
  commit(checked: Checked): void {
    this.#running?.end();
    const pending = this.#pending.get(checked);
    if (pending === undefined || pending.version !== this.#version) {
      throw new Error('commit takes what check returned last, on the same configuration');
    }
    for (const _ of this.#relations.show(pending.replacements));
    for (const { key, after } of pending.replacements) {
      if (after === undefined) this.#resources.delete(key);
      else this.#resources.set(key, after);
    }
    this.#relations.keep();
    this.#version++;
  }

  #begin(change: Change): RunningCheck {
    const running = new RunningCheck(this.#steps(change), () => {
      this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  *#steps(change: Change): Steps<Checked> {
    const problems: Problem[] = [];
    const replacements = yield* this.#plan(change, problems);
    const real = replacements.filter(isReal);
    const found = new Map<ResourceKey, Finding[]>();
    for (const { key, after } of replacements) found.set(key, [...(after?.findings ?? [])]);
    yield* this.#relate(real, replacements, found);
    problems.push(...sortProblems(replacements, found));
    const checked: Checked = { problems, changes: real.map(describeChange) };
    this.#pending.set(checked, { version: this.#version, replacements: real });
    return checked;
  }

  *#relate(
    real: readonly Replacement[],
    replacements: readonly Replacement[],
    found: Map<ResourceKey, Finding[]>,
  ): Steps {
    try {
      yield* this.#relations.show(real);
      yield* this.#relations.check(replacements, (key) => this.#resources.get(key), found);
    } catch (error) {
      // A bug in one of them left them halfway: the next check begins with what is known to be right.
      this.#relations = Relations.of(this.#resources.values());
      throw error;
    }
  }

  /** What is put in the place of what, each key once. */
  *#plan({ upserts, removals }: Change, problems: Problem[]): Steps<Replacement[]> {
    const planned = new Map<ResourceKey, Replacement>();
    for (const resource of upserts) {
      yield;
      if (resource.spec.case === undefined) {
        problems.push(
          makeProblem('', resource.name, { field: 'spec', message: 'says nothing', remedy: 'give it a spec' }),
        );
        continue;
      }
      const key = keyOf(resource);
      const before = this.#resources.get(key);
      if (planned.has(key)) problems.push(problemOf(key, { field: '', message: 'is in the change twice' }));
      planned.set(key, { key, before, after: this.#examine(resource, before) });
    }
    for (const key of removals) {
      const before = this.#resources.get(key);
      if (planned.has(key)) {
        problems.push(problemOf(key, { field: '', message: 'is both applied and removed in the change' }));
      } else if (before === undefined) {
        problems.push(problemOf(key, { field: '', message: 'cannot be removed: it does not exist' }));
      } else planned.set(key, { key, before, after: undefined });
    }
    return [...planned.values()];
  }

  /** What is byte for byte what is there already is not examined again. */
  #examine(resource: Resource, before: Examined | undefined): Examined {
    const after = examine(resource, this.#checkSupported);
    return before !== undefined && sameBytes(before.entry.content, after.entry.content) ? before : after;
  }
}

interface Pending {
  readonly version: number;
  readonly replacements: readonly Replacement[];
}

function isReal({ before, after }: Replacement): boolean {
  return before !== after;
}

function describeChange({ key, before, after }: Replacement): EntryChange {
  if (after === undefined) return { key, change: 'deleted', before: before!.entry };
  if (before === undefined) return { key, change: 'created', after: after.entry };
  return { key, change: 'updated', before: before.entry, after: after.entry };
}

/** The change's resources in its order, then the others by key; within a resource as found. */
function sortProblems(
  replacements: readonly Replacement[],
  found: ReadonlyMap<ResourceKey, readonly Finding[]>,
): Problem[] {
  const changed = replacements.map(({ key }) => key);
  const others = [...found.keys()].slice(changed.length).sort();
  return [...changed, ...others].flatMap((key) => found.get(key)!.map((finding) => problemOf(key, finding)));
}

function problemOf(key: ResourceKey, finding: Finding): Problem {
  const { kind, name } = parseKey(key);
  return makeProblem(kind, name, finding);
}

function makeProblem(kind: Kind | '', name: string, { severity = 'error', field, message, remedy }: Finding): Problem {
  return { severity, kind, name, field, message, ...(remedy === undefined ? {} : { remedy }) };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
