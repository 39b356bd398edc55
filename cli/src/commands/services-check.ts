import { BreakerState, type CheckServicesResponse } from '@sluice/proto';
import { toRpcError } from '@sluice/proto/grpc-client';
import type { Command } from 'commander';
import type { ControlPlaneClient } from '../client/control-plane.ts';
import { CommandFailure } from '../exit.ts';
import { breakerStateName } from '../output/breaker-state.ts';
import type { Style } from '../output/paint.ts';
import { oneLine } from '../output/plain-text.ts';
import { type OutputFormat, printList } from '../output/print.ts';
import type { Column } from '../output/table.ts';
import { formatAge, formatTime } from '../output/time.ts';
import { checkServices, type EndpointRow, verdictOf } from '../services/endpoint-rows.ts';
import { withControlPlane, withOutput } from './command.ts';

/** Rows of one endpoint on nodes that think the same of it, and how many nodes know it. */
interface MergedRow extends EndpointRow {
  readonly nodes: string;
}

export function addServicesCheck(services: Command): void {
  withOutput(
    services
      .command('check')
      .description('what each connected node thinks of the endpoints of services at this moment')
      .argument('[service]', 'only those of this one'),
  )
    .option('--node <id>', 'as this node sees them', '')
    .addHelpText(
      'after',
      `
A line for each endpoint where nodes agree, else one for each opinion with the nodes that have it; with -o wide, json or yaml one for
each endpoint and node. States: healthy, unhealthy (by probes), unchecked (no health check), ejected (by live traffic), draining (left the
service, has requests), disabled (the service is), absent (another node of the group has it), none (no endpoints).
Exit code 1: a service has no endpoint that is healthy or unchecked on some node, or a node did not answer.`,
    )
    .action(
      async (
        service: string | undefined,
        { output, node }: { output: OutputFormat; node: string },
        command: Command,
      ) => {
        const answers = await withControlPlane(command, (client) => ask(client, service ?? '', node));
        const { rows, without } = checkServices(answers);
        if (service !== undefined && rows.length === 0 && answers.some(({ failure }) => failure === ''))
          throw new CommandFailure(`no connected node has a service ${service}`);
        if (output === 'table') printList(output, merge(rows), MERGED_COLUMNS, rowValue);
        else printList(output, rows, COLUMNS, rowValue);
        const failures = failuresOf(answers, without);
        if (failures.length > 0) throw new CommandFailure(failures.map(oneLine).join('\n'));
      },
    );
}

async function ask(
  { fleet }: ControlPlaneClient,
  service: string,
  nodeId: string,
): Promise<readonly CheckServicesResponse[]> {
  try {
    const answers: CheckServicesResponse[] = [];
    for await (const answer of fleet.checkServices({ service, nodeId })) answers.push(answer as CheckServicesResponse);
    return answers;
  } catch (error) {
    throw toRpcError(error);
  }
}

function failuresOf(
  answers: readonly CheckServicesResponse[],
  without: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  if (answers.length === 0) return ['no node is connected'];
  return [
    ...[...without]
      .map(([service, nodes]) => `${service} has no healthy endpoint on ${nodes.join(', ')}`)
      .sort((left, right) => (left < right ? -1 : 1)),
    ...answers.flatMap(({ nodeId, failure }) => (failure === '' ? [] : [`${nodeId} did not say: ${failure}`])),
    ...answers.flatMap(({ nodeId, report }) =>
      report === undefined || report.leftOut === 0
        ? []
        : [`${nodeId} left out ${report.leftOut} services and endpoints: name a service to see all of it`],
    ),
  ];
}

function merge(rows: readonly EndpointRow[]): MergedRow[] {
  const merged: MergedRow[] = [];
  for (const same of Map.groupBy(rows, ({ service, address }) => `${service} ${address}`).values()) {
    for (const alike of Map.groupBy(same, verdictOf).values()) {
      const names = alike.map(({ node }) => node).join(', ');
      const nodes = same[0]!.disputed ? `${alike.length} of ${same.length}: ${names}` : names;
      merged.push({ ...(alike.find(({ problem }) => problem !== '') ?? alike[0]!), nodes });
    }
  }
  return merged;
}

const ENDPOINT_COLUMNS: readonly Column<EndpointRow>[] = [
  { title: 'service', value: ({ service }) => service },
  { title: 'endpoint', value: ({ address }) => address || '-' },
  { title: 'state', value: ({ state }) => state, style: ({ state }) => styleOf(state) },
  { title: 'for', value: ({ endpoint }) => formatAge(endpoint?.since, Date.now()) },
  { title: 'weight', value: ({ endpoint }) => (endpoint === undefined ? '-' : String(endpoint.weight)) },
  { title: 'zone', value: ({ endpoint }) => endpoint?.zone || '-' },
  { title: 'breaker', value: ({ breaker }) => breakerWord(breaker), style: ({ breaker }) => breakerStyle(breaker) },
];
const PROBLEM: Column<EndpointRow> = { title: 'last error', value: ({ problem }) => problem };

const MERGED_COLUMNS: readonly Column<MergedRow>[] = [
  ...ENDPOINT_COLUMNS,
  { title: 'nodes', value: ({ nodes }) => nodes, style: ({ disputed }) => (disputed ? 'yellow' : undefined) },
  PROBLEM,
];

const COLUMNS: readonly Column<EndpointRow>[] = [
  ...ENDPOINT_COLUMNS.slice(0, 2),
  { title: 'node', value: ({ node }) => node, style: ({ disputed }) => (disputed ? 'yellow' : undefined) },
  ...ENDPOINT_COLUMNS.slice(2),
  { title: 'in flight', value: ({ endpoint }) => (endpoint === undefined ? '-' : String(endpoint.inFlight)) },
  { title: 'ejected until', value: ({ endpoint }) => formatTime(endpoint?.ejectedUntil) || '-' },
  PROBLEM,
];

function rowValue({ service, node, address, state, breaker, endpoint, problem, disputed }: EndpointRow): object {
  return {
    service,
    address,
    node,
    state,
    disputed,
    ...(breaker === BreakerState.UNSPECIFIED ? {} : { breaker: breakerStateName(breaker) }),
    ...(endpoint && { weight: endpoint.weight, zone: endpoint.zone, inFlight: endpoint.inFlight }),
    ...(endpoint?.since && { since: formatTime(endpoint.since) }),
    ...(endpoint?.ejectedUntil && { ejectedUntil: formatTime(endpoint.ejectedUntil) }),
    ...(problem !== '' && { lastError: problem }),
  };
}

function breakerWord(state: BreakerState): string {
  return state === BreakerState.UNSPECIFIED ? '-' : breakerStateName(state);
}

function breakerStyle(state: BreakerState): Style | undefined {
  return state === BreakerState.OPEN || state === BreakerState.HALF_OPEN ? 'red' : undefined;
}

function styleOf(state: string): Style | undefined {
  if (state === 'healthy') return 'green';
  return state === 'unchecked' || state === 'disabled' ? undefined : state === 'draining' ? 'yellow' : 'red';
}
