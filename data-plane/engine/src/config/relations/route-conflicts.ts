import type { CompiledMatch } from '../../router/compile-route.ts';
import { identityKey } from '../../router/identity-key.ts';
import { ANY_HOST, type HostPattern } from '../../router/parse-host.ts';
import type { Examined } from '../examine.ts';
import type { ResourceKey } from '../kind.ts';
import { MultiMap } from '../multi-map.ts';
import type { Finding } from '../problem.ts';
import { meetSomewhere } from '../stored-entry.ts';
import type { Relation, Replacement, ReportOn, Resources, Steps } from './relation.ts';

/** No two routes of equal priority take the same requests: neither would be the greater. */
export class RouteConflicts implements Relation {
  readonly #owners = new MultiMap<string, Examined>();

  add(examined: Examined): void {
    for (const { identity } of identitiesOf(examined)) this.#owners.add(identity, examined);
  }

  remove(examined: Examined): void {
    for (const { identity } of identitiesOf(examined)) this.#owners.delete(identity, examined);
  }

  *check(change: readonly Replacement[], _resources: Resources, report: ReportOn): Steps {
    const changed = new Set(change.map(({ key }) => key));
    for (const { after } of change) {
      if (after?.route !== undefined) this.#checkRoute(after, changed, report);
      yield;
    }
  }

  /** One problem for each match, however many routes and hosts it meets others at. */
  #checkRoute(route: Examined, changed: ReadonlySet<ResourceKey>, report: ReportOn): void {
    const { key } = route.entry;
    const conflicts = new Map<CompiledMatch, Conflict>();
    for (const { identity, match, host } of identitiesOf(route)) {
      const conflict = conflicts.get(match) ?? { host, others: new Map<Examined, string>() };
      for (const other of this.#owners.get(identity)) {
        if (conflict.others.size === MAX_SHOWN) break;
        const otherKey = other.entry.key;
        if (otherKey === key || (changed.has(otherKey) && otherKey > key) || !canMeet(route, other)) continue;
        conflict.others.set(other, conflict.others.get(other) ?? identity);
        conflicts.set(match, conflict);
      }
    }
    for (const [match, conflict] of conflicts) report(key, explain(route, match, conflict));
  }
}

/** Others that have a match, and the first identity they have it by; the host is where the first of them was met. */
interface Conflict {
  readonly host: HostPattern;
  readonly others: Map<Examined, string>;
}

const MAX_SHOWN = 8;

interface Identity {
  readonly identity: string;
  readonly match: CompiledMatch;
  readonly host: HostPattern;
}

const IDENTITIES = new WeakMap<Examined, readonly Identity[]>();

/** One for each host and match, made once per version of a route. */
function identitiesOf(examined: Examined): readonly Identity[] {
  const { route } = examined;
  if (route === undefined) return [];
  const known = IDENTITIES.get(examined);
  if (known !== undefined) return known;
  const { priority, hosts, matches } = route.compiled;
  const made = matches.flatMap((match) => {
    const conditions = identityKey(match, ANY_HOST);
    return hosts.map((host) => ({ identity: `${priority} ${host.kind} ${host.name} ${conditions}`, match, host }));
  });
  IDENTITIES.set(examined, made);
  return made;
}

/** Whether some listener of some node has both routes. */
function canMeet({ route: a }: Examined, { route: b }: Examined): boolean {
  return meetSomewhere(a!.listeners, b!.listeners) && meetSomewhere(a!.nodeGroups, b!.nodeGroups);
}

function explain(route: Examined, match: CompiledMatch, { host, others }: Conflict): Finding {
  const where = host.kind === 'any' ? '' : ` for ${host.kind === 'wildcard' ? '*.' : ''}${host.name}`;
  const named = [...others].map(([other, identity]) => {
    const { index } = identitiesOf(other).find((each) => each.identity === identity)!.match;
    return `Route "${other.entry.name}"${hasMatches(other) ? ` (match[${index}])` : ''}`;
  });
  return {
    field: hasMatches(route) ? `spec.match[${match.index}]` : 'spec.match',
    message: `takes the same requests${where} as ${named.sort().join(', ')}, at the same priority`,
    remedy: 'give one of them a priority of its own, or a condition the other does not have',
  };
}

function hasMatches({ entry: { resource } }: Examined): boolean {
  return resource.spec.case === 'route' && resource.spec.value.match.length > 0;
}
