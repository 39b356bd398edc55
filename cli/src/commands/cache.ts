import type { Command } from 'commander';
import { CommandFailure, EXIT } from '../exit.ts';
import { oneLine } from '../output/plain-text.ts';
import { withControlPlane } from './command.ts';

interface PurgeOptions {
  readonly route?: string;
  readonly tag?: string;
  readonly node: string;
}

export function addCache(program: Command): void {
  const cache = program.command('cache').description('answers that the nodes keep');
  cache
    .command('purge')
    .description('forget the answers of a route or a tag, on every connected node or on one')
    .option('--route <name>', 'those of this route')
    .option('--tag <tag>', 'those of routes whose cache has this tag')
    .option('--node <id>', 'on this node only', '')
    .action(async ({ route, tag, node }: PurgeOptions, command: Command) => {
      const answers = whichAnswers(route, tag);
      const { nodeIds, failures } = await withControlPlane(command, ({ fleet }) =>
        fleet.purgeCache({ answers, nodeId: node }),
      );
      if (nodeIds.length > 0) process.stdout.write(`purged on ${nodeIds.join(', ')}\n`);
      if (failures.length > 0)
        throw new CommandFailure(
          failures.map(({ nodeId, reason }) => oneLine(`not purged on ${nodeId}: ${reason}`)).join('\n'),
        );
      if (nodeIds.length === 0) throw new CommandFailure('no node is connected');
    });
}

function whichAnswers(
  route: string | undefined,
  tag: string | undefined,
): { readonly case: 'route' | 'tag'; readonly value: string } {
  if (route !== undefined && tag === undefined) return { case: 'route', value: route };
  if (tag !== undefined && route === undefined) return { case: 'tag', value: tag };
  throw new CommandFailure('give one of --route and --tag', EXIT.usage);
}
