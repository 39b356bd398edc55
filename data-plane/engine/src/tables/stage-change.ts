import type { ActiveChange } from './active-set.ts';
import { type BuildContext, type BuiltItem, buildItem, buildRefusing, itemKey } from './built-item.ts';
import { CannotBuild } from './cannot-build.ts';

/** A change that is built and waits to be committed. */
export interface StagedTables {
  readonly upserts: readonly { readonly built: BuiltItem; readonly unavailable: string | undefined }[];
  readonly removals: readonly { readonly kind: string; readonly name: string }[];
}

/** Builds a change. Throws when something in it cannot be built: a change holds only what an ActiveSet built before. */
export function stageChange({ upserts, removals }: ActiveChange, context: BuildContext): StagedTables {
  return {
    upserts: upserts.map((item) => {
      const { unavailable } = item;
      const built = buildItem(item, context, unavailable === undefined);
      if (!(built instanceof CannotBuild)) return { built, unavailable };
      const refusing = unavailable === undefined ? undefined : buildRefusing(item, context);
      if (refusing !== undefined) return { built: refusing, unavailable };
      throw new Error(`${itemKey(item)}: ${built.message}`, { cause: built });
    }),
    removals,
  };
}
