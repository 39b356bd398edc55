import type { Examined } from '../examine.ts';
import { MultiMap } from '../multi-map.ts';
import { canonicalAddress } from '../rules/listener.ts';
import { meetSomewhere } from '../stored-entry.ts';
import type { Relation, Replacement, ReportOn, Resources, Steps } from './relation.ts';

/** No two listeners of one node have the same address. */
export class ListenerAddresses implements Relation {
  readonly #listeners = new MultiMap<string, Examined>();

  add(examined: Examined): void {
    const address = addressOf(examined);
    if (address !== undefined) this.#listeners.add(address, examined);
  }

  remove(examined: Examined): void {
    const address = addressOf(examined);
    if (address !== undefined) this.#listeners.delete(address, examined);
  }

  *check(change: readonly Replacement[], _resources: Resources, report: ReportOn): Steps {
    const changed = new Set(change.map(({ key }) => key));
    for (const { key, after } of change) {
      yield;
      const address = after && addressOf(after);
      if (after === undefined || address === undefined) continue;
      for (const { entry } of this.#listeners.get(address)) {
        if (entry.key === key || !meetSomewhere(entry.nodeGroups, after.entry.nodeGroups)) continue;
        if (changed.has(entry.key) && entry.key > key) continue;
        report(key, { field: 'spec.address', message: `${address} is the address of Listener "${entry.name}" too` });
      }
    }
  }
}

function addressOf({ entry: { resource } }: Examined): string | undefined {
  return resource.spec.case === 'listener' ? canonicalAddress(resource.spec.value.address) : undefined;
}
