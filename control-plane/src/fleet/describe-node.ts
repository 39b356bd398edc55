import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type Node, NodeSchema, NodeState, Track } from '@sluice/proto';
import type { NodeSession } from './node-session.ts';
import { type CurrentRevisions, describeNackReason, judgeNode, type StaleAfter } from './node-state.ts';

/** What the fleet view shows of a node, besides what its session knows. */
export interface NodeSurroundings {
  readonly current: CurrentRevisions;
  readonly staleAfter: StaleAfter;
  readonly replicaId: string;
  readonly takeovers: number;
  /** The process that this one takes over from, while it is connected. */
  readonly predecessor: NodeSession | undefined;
}

/** A node as the fleet view shows it, connected or just gone. */
export function describeNode(session: NodeSession, around: NodeSurroundings): Node {
  const { hello, report } = session;
  const config = session.feed(Track.CONFIG);
  const facts = session.feed(Track.FACTS);
  const refused = config.refused ?? facts.refused;
  return create(NodeSchema, {
    nodeId: hello.nodeId,
    group: hello.group,
    zone: hello.zone,
    version: hello.version,
    ...(hello.maxStaleness && { maxStaleness: hello.maxStaleness }),
    ...judgeSession(session, around),
    activeRevision: BigInt(config.active.revision),
    ...(report.activeSince && { activeSince: timestampFromDate(report.activeSince) }),
    activeDigest: config.active.digest,
    persistedRevision: report.persistedRevision,
    activeFacts: BigInt(facts.active.revision),
    held: [...report.held],
    ...(refused && {
      refusal: {
        revision: BigInt(refused.revision),
        reason: `${describeNackReason(refused.reason)}: ${refused.detail}`,
        ...(report.refusedAt && { at: timestampFromDate(report.refusedAt) }),
      },
    }),
    connectedAt: timestampFromDate(session.connectedAt),
    lastSeenAt: timestampFromDate(session.lastHeardAt),
    workersReady: report.workersReady,
    workers: report.workers,
    historyId: report.historyId,
    replicaId: around.replicaId,
    breakers: report.breakers.map((breaker) => ({ ...breaker, nodeId: hello.nodeId })),
  });
}

function judgeSession(session: NodeSession, { current, staleAfter, takeovers, predecessor }: NodeSurroundings) {
  const { state, report } = session;
  if (state.kind === 'closed') {
    return { state: NodeState.DISCONNECTED, reason: state.error?.rawMessage ?? 'it closed the stream' };
  }
  const config = session.feed(Track.CONFIG);
  const facts = session.feed(Track.FACTS);
  return judgeNode(
    {
      diverged: state.kind === 'diverged' ? state.reason : undefined,
      silentMs: session.silentMs,
      unansweredMs: session.unansweredMs,
      activeRevision: config.active.revision,
      activeFacts: facts.active.revision,
      refused: config.refused,
      refusedFacts: facts.refused,
      held: report.held.map(({ kind, name }) => `${kind}/${name}`),
      draining: report.draining,
      takeovers,
      predecessor: predecessor && describePredecessor(predecessor),
    },
    current,
    staleAfter,
  );
}

function describePredecessor(session: NodeSession): string {
  const { revision } = session.feed(Track.CONFIG).active;
  return `it takes over from a process that ${session.report.draining ? 'is stopping' : 'still serves'}, at revision ${revision}`;
}
