import type { Examined } from '../examine.ts';
import { KINDS, parseKey, type ResourceKey } from '../kind.ts';
import { MultiMap } from '../multi-map.ts';
import { nearest } from '../nearest.ts';
import type { Finding } from '../problem.ts';
import { DEFAULT_LISTENER, isBuiltIn, type Reference } from '../references.ts';
import { goesWherever } from '../stored-entry.ts';
import type { Relation, Replacement, ReportOn, Resources, Steps } from './relation.ts';

/** What is referred to exists, and goes wherever the one that refers to it goes. */
export class References implements Relation {
  readonly #referrers = new MultiMap<ResourceKey, Examined>();
  /** Names by kind, to suggest one for a name that does not exist. */
  readonly #names = new MultiMap<string, string>();
  /** How many suggestions the check that runs may still make. */
  #suggestions = 0;

  add(examined: Examined): void {
    for (const { target } of examined.references) this.#referrers.add(target, examined);
    this.#names.add(examined.entry.kind, examined.entry.name);
  }

  remove(examined: Examined): void {
    for (const { target } of examined.references) this.#referrers.delete(target, examined);
    this.#names.delete(examined.entry.kind, examined.entry.name);
  }

  *check(change: readonly Replacement[], resources: Resources, report: ReportOn): Steps {
    const changed = new Set(change.map(({ key }) => key));
    this.#suggestions = MAX_SUGGESTIONS;
    for (const { after } of change) {
      if (after !== undefined) this.#checkOne(after, after.references, resources, report);
      yield;
    }
    for (const key of concernedTargets(change, resources)) {
      yield* this.#checkReferrers(key, changed, resources, report);
    }
  }

  /** Referrers that are no part of the change: what they need was taken away or moved. */
  *#checkReferrers(key: ResourceKey, changed: ReadonlySet<ResourceKey>, resources: Resources, report: ReportOn): Steps {
    const exists = isThere(key, resources);
    const left: string[] = [];
    for (const referrer of this.#referrers.get(key)) {
      yield;
      if (changed.has(referrer.entry.key)) continue;
      const references = referrer.references.filter(({ target }) => target === key);
      if (exists) this.#checkOne(referrer, references, resources, report);
      else left.push(...references.map(({ field }) => `${describe(referrer.entry.key)} (${field})`));
    }
    if (left.length > 0) report(key, inUse(left.sort()));
  }

  #checkOne(from: Examined, references: readonly Reference[], resources: Resources, report: ReportOn): void {
    for (const { target, field, travels } of references) {
      if (from.unsupported.some((place) => place === '' || field.startsWith(place))) continue;
      const found = resources.get(target);
      if (found === undefined) {
        if (!isThere(target, resources)) report(from.entry.key, this.#dangling(target, field, resources));
      } else if (travels && !goesWherever(from.entry.nodeGroups, found.entry.nodeGroups)) {
        report(from.entry.key, staysBehind(from, found, field));
      }
    }
  }

  #dangling(target: ResourceKey, field: string, resources: Resources): Finding {
    const { kind, name } = parseKey(target);
    const other = KINDS.find((each) => resources.get(`${each}/${name}`) !== undefined);
    const message = `there is no ${kind} "${name}"`;
    if (other !== undefined) return { field, message: `${message}; "${name}" is a ${other}` };
    const suggestion = this.#suggestions-- > 0 ? nearest(name, this.#names.get(kind)) : undefined;
    if (suggestion !== undefined) return { field, message, remedy: `did you mean "${suggestion}"?` };
    return { field, message, remedy: `apply the ${kind} first, or together with this` };
  }
}

/** Those whose referrers have to be looked at: removed, or going to fewer groups. What did not exist counts as going everywhere. */
function concernedTargets(change: readonly Replacement[], { listeners }: Resources): ResourceKey[] {
  const concerned = change
    .filter(({ before, after }) => after === undefined || !goesWherever(groupsOf(before), groupsOf(after)))
    .map(({ key }) => key);
  const made = change.filter(({ before, after }) => before === undefined && after?.entry.kind === 'Listener');
  const areFirst = made.length > 0 && made.length === listeners;
  if (areFirst && made.every(({ key }) => key !== DEFAULT_LISTENER)) concerned.push(DEFAULT_LISTENER);
  return concerned;
}

function groupsOf(examined: Examined | undefined): readonly string[] {
  return examined?.entry.nodeGroups ?? [];
}

function isThere(key: ResourceKey, resources: Resources): boolean {
  if (resources.get(key) !== undefined || isBuiltIn(key)) return true;
  return key === DEFAULT_LISTENER && resources.listeners === 0;
}

function inUse(left: readonly string[]): Finding {
  const shown = left.slice(0, MAX_SHOWN).join(', ');
  const more = left.length > MAX_SHOWN ? ` and ${left.length - MAX_SHOWN} more` : '';
  return {
    field: '',
    message: `cannot be removed: ${shown}${more} still ${left.length === 1 ? 'refers' : 'refer'} to it`,
    remedy: 'change or remove those in the same change',
  };
}

const MAX_SHOWN = 10;
const MAX_SUGGESTIONS = 50;

function staysBehind(from: Examined, target: Examined, field: string): Finding {
  const { key, nodeGroups } = target.entry;
  const here = from.entry.nodeGroups;
  const missing = here.filter((group) => !nodeGroups.includes(group));
  return {
    field,
    message: `${describe(key)} goes only to ${nodeGroups.join(', ')}, and this goes ${here.length === 0 ? 'everywhere' : `to ${missing.join(', ')} too`}`,
    remedy: 'a resource may refer only to what goes wherever it goes: change nodeGroups of one of them',
  };
}

function describe(key: ResourceKey): string {
  const { kind, name } = parseKey(key);
  return `${kind} "${name}"`;
}
