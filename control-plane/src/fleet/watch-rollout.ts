import { setTimeout as pause } from 'node:timers/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Node, NodeState, type WaitForRevisionResponseSchema } from '@sluice/proto';
import type { Fleet } from './fleet.ts';

type Progress = MessageInitShape<typeof WaitForRevisionResponseSchema>;

/** Between two looks while nothing is heard of this replica's nodes: other replicas' nodes are only in the database. */
const LOOK_EVERY_MS = 250;
/** A report is repeated after this, so that nothing on the way takes the stream for dead. */
const REPEAT_AFTER_MS = 10_000;

/** Reports how far the nodes are with a revision of this history: at once, at each change, and at the end. */
export async function* watchRollout(
  fleet: Fleet,
  revision: number,
  timeoutMs: number,
  signal: AbortSignal,
): AsyncGenerator<Progress> {
  const endsAt = performance.now() + timeoutMs;
  let last = '';
  let lastAt = 0;
  while (!signal.aborted) {
    const change = nextChange(fleet, Math.min(LOOK_EVERY_MS, Math.max(1, endsAt - performance.now())), signal);
    const nodes = await fleet.nodes();
    const progress = measureProgress(nodes, revision, fleet.historyId);
    const timedOut = !progress.done && performance.now() >= endsAt;
    const summary = JSON.stringify([progress.connected, progress.active, progress.waiting.map(describeWaiting)]);
    if (progress.done || timedOut || summary !== last || performance.now() - lastAt > REPEAT_AFTER_MS) {
      yield { ...progress, timedOut };
      last = summary;
      lastAt = performance.now();
    }
    if (progress.done || timedOut) return;
    await change;
    // A look costs what the fleet is large.
    if (nodes.length > 20) await pause(Math.min(LOOK_EVERY_MS, nodes.length / 10));
  }
}

function measureProgress(nodes: readonly Node[], revision: number, historyId: string) {
  const connected = nodes.filter(({ state }) => state !== NodeState.DISCONNECTED);
  const isActive = (node: Node) => node.historyId === historyId && Number(node.activeRevision) >= revision;
  const active = connected.filter(isActive);
  return {
    connected: connected.length,
    active: active.length,
    waiting: connected.filter((node) => !isActive(node) || node.held.length > 0),
    done: active.length === connected.length,
  };
}

function describeWaiting(node: Node): unknown[] {
  return [node.nodeId, node.state, Number(node.activeRevision), node.held.length];
}

/** Subscribed from the call on, so that no change is missed between looking and waiting. */
function nextChange(fleet: Fleet, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const unsubscribe = fleet.subscribe(resolve);
  const timer = setTimeout(resolve, timeoutMs);
  const abort = () => resolve();
  signal.addEventListener('abort', abort, { once: true });
  return promise.finally(() => {
    unsubscribe();
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  });
}
