import { type BreakerState, type CheckServicesResponse, type EndpointReport, EndpointState } from '@sluice/proto';

/** What a node thinks of an endpoint of a service. */
export interface EndpointRow {
  readonly service: string;
  readonly node: string;
  /** Empty: the service has no endpoints there. */
  readonly address: string;
  readonly state: string;
  readonly breaker: BreakerState;
  /** Undefined: the service has no endpoints there, or not this one. */
  readonly endpoint: EndpointReport | undefined;
  /** Why it stands so. Empty: nothing is wrong. */
  readonly problem: string;
  /** Another node thinks otherwise. */
  readonly disputed: boolean;
}

type Opinion = Omit<EndpointRow, 'disputed'>;

/** How services stand on the nodes that said so. */
export interface ServicesCheck {
  /** By service, address and node. */
  readonly rows: readonly EndpointRow[];
  /** Services with nothing to send requests to, and the nodes where that is so. */
  readonly without: ReadonlyMap<string, readonly string[]>;
}

/** Puts together what nodes said. */
export function checkServices(answers: readonly CheckServicesResponse[]): ServicesCheck {
  const opinions: Opinion[] = [];
  const without = new Map<string, string[]>();
  for (const { nodeId: node, report } of answers) {
    for (const { service, disabled, breaker, discoveryFailure, endpoints } of report?.services ?? []) {
      const about = { service, node, breaker };
      const unfound = discoveryFailure === '' ? '' : `dns: ${discoveryFailure}`;
      if (endpoints.length === 0) {
        const problem = unfound || (disabled ? '' : 'it has no endpoints');
        opinions.push({ ...about, address: '', state: disabled ? 'disabled' : 'none', endpoint: undefined, problem });
      }
      for (const endpoint of endpoints) {
        const { address, state, probeFailure } = endpoint;
        const word = disabled ? 'disabled' : stateWord(state);
        opinions.push({ ...about, address, state: word, endpoint, problem: probeFailure || unfound });
      }
      if (!disabled && !endpoints.some(({ state }) => isUsable(state)))
        without.set(service, [...(without.get(service) ?? []), node]);
    }
  }
  const all = [...opinions, ...missing(opinions, answers)].sort(inOrder);
  const rows = [...Map.groupBy(all, ({ service, address }) => `${service} ${address}`).values()].flatMap((same) => {
    const disputed = new Set(same.filter(({ state }) => state !== 'draining').map(verdictOf)).size > 1;
    return same.map((opinion) => ({ ...opinion, disputed }));
  });
  return { rows, without };
}

/** What has to be the same for nodes to agree. */
export function verdictOf({ state, breaker, endpoint }: Opinion): string {
  return `${state} ${breaker} ${endpoint?.weight} ${endpoint?.zone}`;
}

/** Endpoints that a node does not have and another of its group has, in a service that both have. */
function missing(opinions: readonly Opinion[], answers: readonly CheckServicesResponse[]): Opinion[] {
  const groups = new Map(answers.map(({ nodeId, group }) => [nodeId, group]));
  const place = ({ service, node }: Opinion): string => `${service} ${groups.get(node)}`;
  const absent: Opinion[] = [];
  for (const here of Map.groupBy(opinions, place).values()) {
    const byNode = Map.groupBy(here, ({ node }) => node);
    const addresses = new Set(here.flatMap(({ address, state }) => (state === 'draining' ? [] : [address])));
    for (const [node, own] of byNode) {
      const { service, breaker } = own[0]!;
      for (const address of addresses) {
        if (address === '' || own.some((each) => each.address === address)) continue;
        absent.push({ service, node, breaker, address, state: 'absent', endpoint: undefined, problem: '' });
      }
    }
  }
  return absent;
}

function isUsable(state: EndpointState): boolean {
  return state === EndpointState.HEALTHY || state === EndpointState.UNCHECKED;
}

function stateWord(state: EndpointState): string {
  return (STATE_WORDS[state] ?? 'unknown').toLowerCase();
}

const STATE_WORDS: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(EndpointState).map(([name, number]) => [number, name]),
);

function inOrder(left: Opinion, right: Opinion): number {
  return compare(left.service, right.service) || compare(left.address, right.address) || compare(left.node, right.node);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
