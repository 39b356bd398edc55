import { type Breaker, BreakerState } from '@sluice/proto';
import type { Command } from 'commander';
import { CommandFailure } from '../exit.ts';
import { breakerStateName } from '../output/breaker-state.ts';
import { oneLine } from '../output/plain-text.ts';
import { type OutputFormat, printList } from '../output/print.ts';
import type { Column } from '../output/table.ts';
import { formatAge, formatTime } from '../output/time.ts';
import { withControlPlane, withOutput } from './command.ts';

export function addBreakers(program: Command): void {
  const breakers = program.command('breakers').description('circuit breakers, as the nodes last reported them');
  withOutput(breakers.command('list').description('one line for each node and service').argument('[service]')).action(
    async (service: string | undefined, { output }: { output: OutputFormat }, command: Command) => {
      const answer = await withControlPlane(command, ({ fleet }) => fleet.listBreakers({ service: service ?? '' }));
      printList(output, answer.breakers, COLUMNS, breakerValue);
    },
  );

  breakers
    .command('reset')
    .description('close a breaker, on every connected node or on one')
    .argument('<service>')
    .option('--node <id>', 'on this node only', '')
    .action(async (service: string, { node }: { node: string }, command: Command) => {
      const { nodeIds, failures } = await withControlPlane(command, ({ fleet }) =>
        fleet.resetBreaker({ service, nodeId: node }),
      );
      if (nodeIds.length > 0) process.stdout.write(`closed on ${nodeIds.join(', ')}\n`);
      if (failures.length > 0)
        throw new CommandFailure(
          failures.map(({ nodeId, reason }) => oneLine(`not closed on ${nodeId}: ${reason}`)).join('\n'),
        );
      if (nodeIds.length === 0) throw new CommandFailure('no node is connected');
    });
}

const COLUMNS: readonly Column<Breaker>[] = [
  { title: 'service', value: ({ service }) => service },
  { title: 'node', value: ({ nodeId }) => nodeId },
  {
    title: 'state',
    value: ({ state }) => breakerStateName(state),
    style: ({ state }) => (state === BreakerState.CLOSED ? 'green' : 'red'),
  },
  { title: 'count', value: ({ count }) => String(count) },
  { title: 'for', value: ({ since }) => formatAge(since, Date.now()) },
];

function breakerValue({ service, nodeId, state, since, count }: Breaker): Record<string, unknown> {
  return {
    service,
    nodeId,
    state: breakerStateName(state),
    count,
    ...(since === undefined ? {} : { since: formatTime(since) }),
  };
}
