import { type Kind, keyOf, referencesOf, toManifestValue } from '@sluice/engine';
import type { Resource, StoredResource } from '@sluice/proto';
import type { Command } from 'commander';
import type { ControlPlaneClient } from '../client/control-plane.ts';
import { readPages } from '../client/read-pages.ts';
import { breakerStateName } from '../output/breaker-state.ts';
import { oneLine } from '../output/plain-text.ts';
import { formatYaml } from '../output/print.ts';
import { formatTime } from '../output/time.ts';
import { withControlPlane } from './command.ts';
import { readKind } from './flags.ts';

export function addDescribe(program: Command): void {
  program
    .command('describe')
    .description('show one resource and what has to do with it: who refers to it, its keys, its breakers, who holds it')
    .argument('<kind>', 'its kind', readKind)
    .argument('<name>', 'its name')
    .action(async (kind: Kind, name: string, _flags: object, self: Command) => {
      const text = await withControlPlane(self, (client) => describe(client, kind, name));
      process.stdout.write(text);
    });
}

async function describe(client: ControlPlaneClient, kind: Kind, name: string): Promise<string> {
  const { resource: stored } = await client.config.get({ ref: { kind, name } });
  const resource = stored!.resource!;
  const lines = await Promise.all([
    describeOrigin(client, stored!),
    describeReferences(client, resource),
    kind === 'Consumer' ? describeKeys(client, name) : [],
    kind === 'Service' ? describeBreakers(client, name) : [],
    describeHolders(client, kind, name),
  ]);
  return `${formatYaml(toManifestValue(resource))}\n${lines
    .flat()
    .map((line) => `${oneLine(line)}\n`)
    .join('')}`;
}

async function describeOrigin({ config }: ControlPlaneClient, { revision }: StoredResource): Promise<string[]> {
  const { revision: made } = await config.getRevision({ revision });
  return [`changed in revision ${revision}, ${formatTime(made!.createdAt)}, by ${made!.author}`];
}

async function describeReferences({ config }: ControlPlaneClient, resource: Resource): Promise<string[]> {
  const key = keyOf(resource);
  const all = await readPages(
    (pageToken) => config.list({ pageSize: 1000, pageToken }),
    ({ resources }) => resources.map((each) => each.resource!),
  );
  const targets = new Set(referencesOf(resource).map(({ target }) => target));
  const referrers = all.filter((each) => referencesOf(each).some(({ target }) => target === key)).map(keyOf);
  return [
    ...(targets.size === 0 ? [] : [`refers to ${[...targets].join(', ')}`]),
    ...(referrers.length === 0 ? [] : [`referred to by ${shorten(referrers)}`]),
  ];
}

async function describeKeys({ keys }: ControlPlaneClient, consumer: string): Promise<string[]> {
  const all = await readPages(
    (pageToken) => keys.listKeys({ consumer, pageSize: 1000, pageToken }),
    (page) => page.keys,
  );
  return [all.length === 0 ? 'no API keys' : `API keys: ${shorten(all.map((key) => key.name))}`];
}

async function describeBreakers({ fleet }: ControlPlaneClient, service: string): Promise<string[]> {
  const { breakers } = await fleet.listBreakers({ service });
  return breakers.map(({ nodeId, state }) => `circuit breaker on ${nodeId}: ${breakerStateName(state)}`);
}

async function describeHolders({ fleet }: ControlPlaneClient, kind: Kind, name: string): Promise<string[]> {
  const { nodes } = await fleet.listNodes({});
  return nodes.flatMap(({ nodeId, held }) =>
    held
      .filter((each) => each.kind === kind && each.name === name)
      .map(({ reason, lastGood }) =>
        lastGood
          ? `held at its last good version on ${nodeId}: ${reason}`
          : `cannot be built on ${nodeId}, which refuses what needs it: ${reason}`,
      ),
  );
}

const MOST_SHOWN = 20;

function shorten(names: readonly string[]): string {
  const more = names.length - MOST_SHOWN;
  return names.slice(0, MOST_SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
