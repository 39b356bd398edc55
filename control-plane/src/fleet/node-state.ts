import { NackReason, NodeState } from '@sluice/proto';
import type { RefusedUpdate } from './track-feed.ts';

/** What is known of a connected node when its state is judged. */
export interface NodeFacts {
  /** Why it gets no updates. */
  readonly diverged: string | undefined;
  /** Since the last message from it. */
  readonly silentMs: number;
  /** Since the update that it has not answered. */
  readonly unansweredMs: number | undefined;
  readonly activeRevision: number;
  readonly activeFacts: number;
  readonly refused: RefusedUpdate | undefined;
  readonly refusedFacts: RefusedUpdate | undefined;
  /** What it holds, as `Kind/name`. */
  readonly held: readonly string[];
  readonly draining: boolean;
  /** Connections that took its id over from another within the last minute. */
  readonly takeovers: number;
  /** How the process stands that it takes over from. */
  readonly predecessor: string | undefined;
}

export interface CurrentRevisions {
  readonly revision: number;
  readonly factsVersion: number;
}

/** When a node counts as stale. */
export interface StaleAfter {
  readonly silentMs: number;
  readonly unansweredMs: number;
}

export interface JudgedState {
  readonly state: NodeState;
  /** Why; empty where there is nothing to say. */
  readonly reason: string;
}

/** How a connected node stands: the gravest thing first. */
export function judgeNode(node: NodeFacts, current: CurrentRevisions, staleAfter: StaleAfter): JudgedState {
  const judged = judge(node, current, staleAfter);
  const asides = [
    judged.reason,
    node.takeovers > 1 && `connected ${node.takeovers + 1} times within a minute: do two nodes have this id?`,
    node.draining && 'it is stopping',
    node.predecessor,
  ];
  return { state: judged.state, reason: asides.filter(Boolean).join('; ') };
}

function judge(node: NodeFacts, current: CurrentRevisions, staleAfter: StaleAfter): JudgedState {
  if (node.diverged !== undefined) return { state: NodeState.DIVERGED, reason: node.diverged };
  if (node.silentMs > staleAfter.silentMs) {
    return { state: NodeState.STALE, reason: `nothing heard for ${formatSeconds(node.silentMs)}` };
  }
  if (node.unansweredMs !== undefined && node.unansweredMs > staleAfter.unansweredMs) {
    return { state: NodeState.STALE, reason: `no answer to an update for ${formatSeconds(node.unansweredMs)}` };
  }
  if (node.refused !== undefined)
    return { state: NodeState.REFUSING, reason: `revision ${describeRefusal(node.refused)}` };
  if (node.refusedFacts !== undefined) {
    return { state: NodeState.REFUSING, reason: `facts version ${describeRefusal(node.refusedFacts)}` };
  }
  if (node.activeRevision < current.revision) {
    return { state: NodeState.UPDATING, reason: `revision ${node.activeRevision} of ${current.revision}` };
  }
  if (node.activeFacts < current.factsVersion) {
    return { state: NodeState.UPDATING, reason: `facts version ${node.activeFacts} of ${current.factsVersion}` };
  }
  if (node.held.length > 0) {
    const [first] = node.held;
    const more = node.held.length > 1 ? ` and ${node.held.length - 1} more` : '';
    return { state: NodeState.HOLDING, reason: `cannot build ${first}${more}` };
  }
  return { state: NodeState.CURRENT, reason: '' };
}

/** Such as `5 refused: mass_deletion: 12 of 20 routes`. */
function describeRefusal({ revision, reason, detail }: RefusedUpdate): string {
  return `${revision} refused: ${describeNackReason(reason)}${detail === '' ? '' : `: ${detail}`}`;
}

export function describeNackReason(reason: NackReason): string {
  const name = Object.entries(NackReason).find(([, value]) => value === reason)?.[0] ?? 'UNSPECIFIED';
  return name.toLowerCase();
}

function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
