import {
  type BuildContext,
  type BuiltItem,
  buildItem,
  buildRefusing,
  type ItemKey,
  itemKey,
  referencesOf,
  type TrackItem,
} from './built-item.ts';
import { CannotBuild } from './cannot-build.ts';

/** An item whose current version is not the one that is active. */
export interface HeldItem {
  readonly kind: string;
  readonly name: string;
  readonly reason: string;
  /** Whether an older version is active. False: what needs it is refused. */
  readonly lastGood: boolean;
}

/** A change as the control plane sends it. */
export interface TrackChange {
  readonly upserts: readonly TrackItem[];
  readonly removals: readonly { readonly kind: string; readonly name: string }[];
  /** Everything that `upserts` does not name is gone. */
  readonly snapshot: boolean;
}

/** An item as it is active. */
export interface ActiveItem extends TrackItem {
  /** Why requests that need it are refused. Undefined: it serves. */
  readonly unavailable: string | undefined;
}

/** What the workers' tables change by. All of it can be built. */
export interface ActiveChange {
  readonly upserts: readonly ActiveItem[];
  readonly removals: readonly { readonly kind: string; readonly name: string }[];
}

/** A change that is worked out but not yet made. */
export interface PlannedChange {
  readonly change: ActiveChange;
  /** Everything that is held once the change is made. */
  readonly held: ReadonlyMap<ItemKey, HeldItem>;
  readonly latestUpserts: readonly TrackItem[];
  readonly latestRemovals: readonly ItemKey[];
  readonly built: ReadonlyMap<ItemKey, BuiltItem>;
}

interface Activated {
  readonly item: ActiveItem;
  readonly built: BuiltItem;
}

/**
 * One track as the control plane has it beside what of it is active. An item that cannot be built stays at its last good version,
 * and so do changed items that refer to it; what its last good version refers to stays as well. An item that refers to a held one
 * and has no good version of its own is unavailable, and so is a route that cannot be built and never could: it takes its requests and
 * refuses them. Everything else is active. All this follows from the latest items and the last good ones alone.
 */
export class ActiveSet {
  readonly #context: BuildContext;
  readonly #latest = new Map<ItemKey, TrackItem>();
  readonly #active = new Map<ItemKey, Activated>();
  #held: ReadonlyMap<ItemKey, HeldItem> = new Map();

  constructor(context: BuildContext) {
    this.#context = context;
  }

  /**
   * The set as it was when it was saved.
   * @param latest all items of the track
   * @param lastGood {@link lastGoodItems}
   * @returns with the change that brings empty tables to it
   */
  static restore(
    context: BuildContext,
    latest: readonly TrackItem[],
    lastGood: readonly TrackItem[],
  ): { set: ActiveSet; change: ActiveChange } {
    const set = new ActiveSet(context);
    for (const item of lastGood) {
      const built = buildItem(item, context);
      if (!(built instanceof CannotBuild))
        set.#active.set(itemKey(item), { item: { ...item, unavailable: undefined }, built });
    }
    set.make(set.plan({ upserts: latest, removals: [], snapshot: true }));
    return { set, change: set.wholeChange() };
  }

  get held(): ReadonlyMap<ItemKey, HeldItem> {
    return this.#held;
  }

  /** The items as the control plane has them. */
  latestItems(): Iterable<TrackItem> {
    return this.#latest.values();
  }

  latestSize(): number {
    return this.#latest.size;
  }

  latestItem(key: ItemKey): TrackItem | undefined {
    return this.#latest.get(key);
  }

  /**
   * The active versions that must be saved beside the latest: those that differ, and those that refer to something held, which
   * without their own last good version would be refused. Costs nothing where nothing is held.
   */
  lastGoodItems(): TrackItem[] {
    if (this.#held.size === 0) return [];
    const leaning = new Set(this.#held.keys());
    for (let before = 0; before < leaning.size; ) {
      before = leaning.size;
      for (const [key, { built }] of this.#active) {
        if (referencesOf(built).some((reference) => leaning.has(reference))) leaning.add(key);
      }
    }
    return [...this.#active]
      .filter(([key, { item }]) => leaning.has(key) || this.#latest.get(key)?.content !== item.content)
      .filter(([, { item }]) => item.unavailable === undefined)
      .map(([, { item }]) => item);
  }

  activeItem(key: ItemKey): BuiltItem | undefined {
    return this.#active.get(key)?.built;
  }

  activeItems(): Iterable<BuiltItem> {
    return this.#active.values().map(({ built }) => built);
  }

  /** What brings empty tables to what is active. */
  wholeChange(): ActiveChange {
    return { upserts: [...this.#active.values()].map(({ item }) => item), removals: [] };
  }

  /** Works a change out, in proportion to the change and to what is held, and changes nothing but slots. */
  plan(change: TrackChange): PlannedChange {
    return new Planning(this.#context, this.#latest, this.#active, this.#held, change).run();
  }

  /** Makes the change that was planned last. */
  make({ change, held, latestUpserts, latestRemovals, built }: PlannedChange): void {
    for (const key of latestRemovals) this.#latest.delete(key);
    for (const item of latestUpserts) this.#latest.set(itemKey(item), item);
    for (const item of change.removals) this.#active.delete(itemKey(item));
    for (const item of change.upserts) this.#active.set(itemKey(item), { item, built: built.get(itemKey(item))! });
    this.#held = held;
  }
}

/** The working state of one {@link ActiveSet.plan}. */
class Planning {
  readonly #context: BuildContext;
  readonly #active: ReadonlyMap<ItemKey, Activated>;
  readonly #latest: ReadonlyMap<ItemKey, TrackItem>;
  readonly #upserts: Map<ItemKey, TrackItem>;
  readonly #removals: Set<ItemKey>;
  /** What has to be looked at: the change, what was held, and what is active only because something held needs it. */
  readonly #dirty: Set<ItemKey>;
  readonly #built = new Map<ItemKey, BuiltItem>();
  /** Why the latest version of an item is not made active. */
  readonly #stuck = new Map<ItemKey, string>();
  /** Why an item is made active but refuses. */
  readonly #unavailable = new Map<ItemKey, string>();

  constructor(
    context: BuildContext,
    latest: ReadonlyMap<ItemKey, TrackItem>,
    active: ReadonlyMap<ItemKey, Activated>,
    held: ReadonlyMap<ItemKey, HeldItem>,
    change: TrackChange,
  ) {
    this.#context = context;
    this.#latest = latest;
    this.#active = active;
    this.#upserts = new Map(change.upserts.map((item) => [itemKey(item), this.#reuse(item)]));
    this.#removals = new Set(change.removals.map(itemKey));
    if (change.snapshot) for (const key of latest.keys()) if (!this.#upserts.has(key)) this.#removals.add(key);
    for (const key of this.#upserts.keys()) this.#removals.delete(key);
    this.#dirty = new Set([...this.#upserts.keys(), ...this.#removals, ...held.keys()]);
    const kept = change.snapshot ? active.keys() : neededBy(held.keys(), active);
    for (const key of kept) if (!latest.has(key)) this.#dirty.add(key);
  }

  run(): PlannedChange {
    for (const key of this.#dirty) this.#build(key);
    while (this.#propagate());
    const lastGood = this.#stuck.keys().filter((key) => this.#hasLastGood(key));
    const needed = neededBy(lastGood, this.#active);
    const upserts: ActiveItem[] = [];
    const removals: { kind: string; name: string }[] = [];
    for (const key of this.#dirty) {
      const active = this.#active.get(key);
      const item = this.#latestOf(key);
      if (item !== undefined && !this.#stuck.has(key)) {
        const unavailable = this.#unavailable.get(key);
        if (active?.item.content !== item.content || active.item.unavailable !== unavailable)
          upserts.push({ ...item, unavailable });
      } else if (active !== undefined) {
        const isKept = item === undefined ? needed.has(key) : this.#hasLastGood(key);
        if (!isKept) removals.push({ kind: active.item.kind, name: active.item.name });
      }
    }
    return {
      change: { upserts, removals },
      held: this.#heldItems(),
      latestUpserts: [...this.#upserts.values()],
      latestRemovals: [...this.#removals],
      built: this.#built,
    };
  }

  /** What a snapshot repeats is no change: equal bytes become the same bytes. */
  #reuse(item: TrackItem): TrackItem {
    const key = itemKey(item);
    const known = [this.#active.get(key)?.item, this.#latest.get(key)].find(
      (each) => each !== undefined && Buffer.compare(each.content, item.content) === 0,
    );
    return known === undefined ? item : { ...item, content: known.content };
  }

  #latestOf(key: ItemKey): TrackItem | undefined {
    return this.#upserts.get(key) ?? (this.#removals.has(key) ? undefined : this.#latest.get(key));
  }

  #build(key: ItemKey): void {
    const item = this.#latestOf(key);
    if (item === undefined) return;
    const active = this.#active.get(key);
    const isBuilt = active?.item.content === item.content && active.item.unavailable === undefined;
    const built = isBuilt ? active.built : buildItem(item, this.#context);
    if (!(built instanceof CannotBuild)) {
      this.#built.set(key, built);
      return;
    }
    const refusing = this.#hasLastGood(key) ? undefined : buildRefusing(item, this.#context);
    if (refusing === undefined) this.#stuck.set(key, built.message);
    else {
      this.#built.set(key, refusing);
      this.#unavailable.set(key, built.message);
    }
  }

  /** Holds changed items that refer to a held one, one step further. False: nothing was left to hold. */
  #propagate(): boolean {
    let held = false;
    for (const [key, built] of this.#built) {
      if (this.#stuck.has(key) || this.#unavailable.has(key)) continue;
      const cause = referencesOf(built).find(
        (reference) => this.#stuck.has(reference) || this.#unavailable.has(reference),
      );
      if (cause === undefined || (this.#hasLastGood(key) && this.#active.get(key)?.built === built)) continue;
      const reason = `refers to ${cause}, which is held: ${this.#stuck.get(cause) ?? this.#unavailable.get(cause)}`;
      if (this.#hasLastGood(key)) this.#stuck.set(key, reason);
      else this.#unavailable.set(key, reason);
      held = true;
    }
    return held;
  }

  #hasLastGood(key: ItemKey): boolean {
    const active = this.#active.get(key);
    return active !== undefined && active.item.unavailable === undefined;
  }

  #heldItems(): ReadonlyMap<ItemKey, HeldItem> {
    const held = new Map<ItemKey, HeldItem>();
    for (const [key, reason] of [...this.#stuck, ...this.#unavailable]) {
      const item = this.#latestOf(key)!;
      held.set(key, {
        kind: item.kind,
        name: item.name,
        reason,
        lastGood: this.#stuck.has(key) && this.#hasLastGood(key),
      });
    }
    return held;
  }
}

/** What the active versions of items refer to. */
function neededBy(keys: Iterable<ItemKey>, active: ReadonlyMap<ItemKey, Activated>): ReadonlySet<ItemKey> {
  const needed = new Set<ItemKey>();
  for (const key of keys) {
    const activated = active.get(key);
    if (activated !== undefined) for (const reference of referencesOf(activated.built)) needed.add(reference);
  }
  return needed;
}
