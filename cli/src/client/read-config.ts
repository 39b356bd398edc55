import type { Resource } from '@sluice/proto';
import type { ControlPlaneClient } from './control-plane.ts';
import { readPages } from './read-pages.ts';

/** The whole configuration as it was at a revision; without one, as it is. All of one revision, whatever is applied meanwhile. */
export async function readConfig(
  { config }: ControlPlaneClient,
  revision?: bigint,
): Promise<{ readonly revision: bigint; readonly resources: readonly Resource[] }> {
  let pinned = revision;
  const resources = await readPages(
    async (pageToken) => {
      const page = await config.export({
        pageSize: 1000,
        pageToken,
        ...(pinned === undefined ? {} : { revision: pinned }),
      });
      pinned = page.revision;
      return page;
    },
    (page) => page.resources,
  );
  return { revision: pinned ?? 0n, resources };
}
