import type { HostPattern } from '../../router/parse-host.ts';
import { MAX_REGEXES_PER_HOST } from '../../router/route-match.ts';
import type { Examined } from '../examine.ts';
import type { Relation, Replacement, ReportOn, Resources, Steps } from './relation.ts';

/** A host has few enough regex matches to try them one after the other. */
export class RegexCounts implements Relation {
  readonly #counts = new Map<string, number>();

  add(examined: Examined): void {
    this.#count(examined, 1);
  }

  remove(examined: Examined): void {
    this.#count(examined, -1);
  }

  *check(change: readonly Replacement[], _resources: Resources, report: ReportOn): Steps {
    const last = new Map<string, Examined>();
    for (const { after } of change) {
      yield;
      if (after === undefined || regexesOf(after) === 0) continue;
      for (const host of after.route!.compiled.hosts) {
        const name = hostName(host);
        if (this.#counts.get(name)! <= MAX_REGEXES_PER_HOST) continue;
        const known = last.get(name);
        if (known === undefined || known.entry.key < after.entry.key) last.set(name, after);
      }
    }
    for (const [host, { entry }] of last) {
      report(entry.key, {
        field: 'spec.match',
        message: `${this.#counts.get(host)} regex paths match at ${host}; a host has at most ${MAX_REGEXES_PER_HOST}`,
        remedy: 'use prefix or template paths, or hosts of their own',
      });
    }
  }

  #count(examined: Examined, direction: 1 | -1): void {
    const regexes = regexesOf(examined);
    if (regexes === 0) return;
    for (const host of examined.route!.compiled.hosts) {
      const name = hostName(host);
      const count = (this.#counts.get(name) ?? 0) + direction * regexes;
      if (count === 0) this.#counts.delete(name);
      else this.#counts.set(name, count);
    }
  }
}

function regexesOf({ route }: Examined): number {
  return route?.compiled.matches.filter(({ path }) => path?.kind === 'regex').length ?? 0;
}

function hostName({ kind, name }: HostPattern): string {
  return kind === 'any' ? 'any host' : kind === 'wildcard' ? `*.${name}` : name;
}
