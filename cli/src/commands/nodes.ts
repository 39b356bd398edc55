import { durationMs } from '@bufbuild/protobuf/wkt';
import { type Node, NodeState } from '@sluice/proto';
import type { Command } from 'commander';
import { credentialsRefusedFrom } from '../output/disbelief.ts';
import type { Style } from '../output/paint.ts';
import { oneLine } from '../output/plain-text.ts';
import { type OutputFormat, printList, printTable, printValue } from '../output/print.ts';
import type { Column } from '../output/table.ts';
import { formatAge, formatTime } from '../output/time.ts';
import { withControlPlane, withOutput } from './command.ts';

export function addNodes(program: Command): void {
  const nodes = program.command('nodes').description('the fleet: which revision is active where, and why not if not');
  withOutput(nodes.command('list', { isDefault: true }).description('all nodes, or one').argument('[node]'))
    .option('--group <name>', 'only those of this group', '')
    .action(
      async (
        nodeId: string | undefined,
        { output, group }: { output: OutputFormat; group: string },
        command: Command,
      ) => {
        await withControlPlane(command, async ({ fleet }) => {
          if (nodeId === undefined) printList(output, (await fleet.listNodes({ group })).nodes, COLUMNS, nodeValue);
          else printOne((await fleet.getNode({ nodeId })).node!, output);
        });
      },
    );
  nodes
    .command('adopt')
    .description('move a node that diverged to this control plane and its history')
    .argument('<node>')
    .action(async (nodeId: string, _flags: object, command: Command) => {
      const { revision } = await withControlPlane(command, ({ fleet }) => fleet.adoptNode({ nodeId }));
      process.stdout.write(`${nodeId} is given revision ${revision}\n`);
    });
}

const COLUMNS: readonly Column<Node>[] = [
  { title: 'node', value: ({ nodeId }) => nodeId },
  { title: 'group', value: ({ group }) => group },
  { title: 'state', value: ({ state }) => stateName(state), style: ({ state }) => styleOf(state) },
  { title: 'revision', value: ({ activeRevision }) => String(activeRevision) },
  { title: 'active for', value: ({ activeSince }) => formatAge(activeSince, Date.now()) },
  { title: 'workers', value: ({ workersReady, workers }) => `${workersReady}/${workers}` },
  { title: 'held', value: ({ held }) => String(held.length) },
  { title: 'seen', value: ({ lastSeenAt }) => formatAge(lastSeenAt, Date.now()) },
  { title: 'reason', value: ({ reason }) => reason },
  { title: 'on disk', value: ({ persistedRevision }) => String(persistedRevision), wide: true },
  { title: 'facts', value: ({ activeFacts }) => String(activeFacts), wide: true },
  { title: 'zone', value: ({ zone }) => zone || '-', wide: true },
  { title: 'version', value: ({ version }) => version, wide: true },
  { title: 'replica', value: ({ replicaId }) => replicaId, wide: true },
];

function printOne(node: Node, output: OutputFormat): void {
  if (output === 'json' || output === 'yaml') {
    printValue(output, nodeValue(node));
  } else {
    printTable([node], COLUMNS, output === 'wide');
    for (const { kind, name, reason, lastGood } of node.held) {
      process.stdout.write(
        `\n${oneLine(`holds ${kind}/${name}${lastGood ? ' at its last good version' : ', which is refused'}: ${reason}`)}\n`,
      );
    }
    const refusesFrom = credentialsRefusedFrom(node);
    if (refusesFrom !== undefined)
      process.stdout.write(
        `\nbelieves no credential from ${formatTime(refusesFrom)} on (--max-staleness), until it is connected again\n`,
      );
    if (node.refusal !== undefined) {
      process.stdout.write(
        `\nrefused revision ${node.refusal.revision} at ${formatTime(node.refusal.at)}: ${oneLine(node.refusal.reason)}\n`,
      );
    }
  }
}

function nodeValue(node: Node): Record<string, unknown> {
  return {
    nodeId: node.nodeId,
    group: node.group,
    zone: node.zone,
    version: node.version,
    state: stateName(node.state),
    reason: node.reason,
    activeRevision: Number(node.activeRevision),
    activeSince: formatTime(node.activeSince),
    activeDigest: Buffer.from(node.activeDigest).toString('hex'),
    persistedRevision: Number(node.persistedRevision),
    activeFacts: Number(node.activeFacts),
    held: node.held.map(({ kind, name, reason, lastGood }) => ({ kind, name, reason, lastGood })),
    ...(node.refusal === undefined
      ? {}
      : {
          refusal: {
            revision: Number(node.refusal.revision),
            reason: node.refusal.reason,
            at: formatTime(node.refusal.at),
          },
        }),
    connectedAt: formatTime(node.connectedAt),
    lastSeenAt: formatTime(node.lastSeenAt),
    ...(node.maxStaleness && { maxStalenessSeconds: durationMs(node.maxStaleness) / 1000 }),
    workersReady: node.workersReady,
    workers: node.workers,
    historyId: node.historyId,
    replicaId: node.replicaId,
  };
}

function stateName(state: NodeState): string {
  return (STATE_NAMES[state] ?? 'unknown').toLowerCase();
}

const STATE_NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(NodeState).map(([name, number]) => [number, name]),
);

function styleOf(state: NodeState): Style {
  switch (state) {
    case NodeState.CURRENT:
      return 'green';
    case NodeState.UPDATING:
    case NodeState.HOLDING:
      return 'yellow';
    default:
      return 'red';
  }
}
