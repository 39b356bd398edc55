import { durationMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import {
  type AdoptNodeRequest,
  type CheckServicesRequest,
  FleetService,
  type Node,
  NodeState,
  type PurgeCacheRequest,
  type ResetBreakerRequest,
} from '@sluice/proto';
import type { Fleet } from '../fleet/fleet.ts';
import { watchRollout } from '../fleet/watch-rollout.ts';
import { retryableError } from './errors.ts';

const DEFAULT_WAIT_MS = 30_000;

/** The fleet view, and what nodes are told to do. */
export function addFleetService(router: ConnectRouter, fleet: Fleet): void {
  router.service(FleetService, {
    async listNodes({ group }) {
      const nodes = (await fleet.nodes()).filter((node) => group === '' || node.group === group);
      for (const node of nodes) node.breakers = [];
      const { revision, factsVersion } = fleet.current;
      const { historyId } = fleet;
      return { nodes, revision: BigInt(revision), factsVersion: BigInt(factsVersion), historyId };
    },
    async getNode({ nodeId }) {
      return { node: await findNode(fleet, nodeId), revision: BigInt(fleet.current.revision) };
    },
    async *waitForRevision({ revision, timeout }, { signal }) {
      const timeoutMs = timeout === undefined ? DEFAULT_WAIT_MS : durationMs(timeout);
      yield* watchRollout(fleet, Number(revision), timeoutMs, signal);
    },
    adoptNode: (request) => adoptNode(fleet, request),
    async listBreakers({ service }) {
      const breakers = (await fleet.nodes()).filter(isConnected).flatMap((node) => node.breakers);
      return { breakers: breakers.filter((breaker) => service === '' || breaker.service === service) };
    },
    resetBreaker: (request) => tell(fleet, request),
    purgeCache: (request) => tell(fleet, request),
    async *checkServices(request) {
      const { nodes, outcomes } = await send(fleet, request);
      for (const [at, { nodeId, reason, report }] of outcomes.entries()) {
        yield { nodeId, group: nodes[at]!.group, failure: reason, ...(report !== undefined && { report }) };
      }
    },
  });
}

async function adoptNode(fleet: Fleet, request: AdoptNodeRequest) {
  const { nodeId } = request;
  const [outcome] = await fleet.command([await findConnected(fleet, nodeId)], request);
  if (outcome === undefined || outcome.reason === '') return { revision: BigInt(fleet.current.revision) };
  const message = `node ${nodeId} was not adopted: ${outcome.reason}`;
  throw outcome.answered
    ? new ConnectError(message, Code.FailedPrecondition)
    : retryableError(Code.Unavailable, message, 1000);
}

async function tell(fleet: Fleet, request: ResetBreakerRequest | PurgeCacheRequest) {
  const { outcomes } = await send(fleet, request);
  return {
    nodeIds: outcomes.filter(({ reason }) => reason === '').map((outcome) => outcome.nodeId),
    failures: outcomes.filter(({ reason }) => reason !== ''),
  };
}

/** Tells one connected node, or all. */
async function send(fleet: Fleet, request: ResetBreakerRequest | PurgeCacheRequest | CheckServicesRequest) {
  const { nodeId } = request;
  const nodes = nodeId === '' ? (await fleet.nodes()).filter(isConnected) : [await findConnected(fleet, nodeId)];
  return { nodes, outcomes: await fleet.command(nodes, request) };
}

async function findNode(fleet: Fleet, nodeId: string): Promise<Node> {
  const node = (await fleet.nodes()).find((one) => one.nodeId === nodeId);
  if (node === undefined) throw new ConnectError(`no node ${nodeId}`, Code.NotFound);
  return node;
}

async function findConnected(fleet: Fleet, nodeId: string): Promise<Node> {
  const node = await findNode(fleet, nodeId);
  if (!isConnected(node)) throw new ConnectError(`node ${nodeId} is not connected`, Code.FailedPrecondition);
  return node;
}

function isConnected(node: Node): boolean {
  return node.state !== NodeState.DISCONNECTED;
}
