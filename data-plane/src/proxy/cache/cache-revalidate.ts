import type { ListenerPlan } from '@sluice/engine';
import { ACTIVE_REQUESTS, FILL_TAKEN } from '../../shared/index.ts';
import type { ClientSide } from '../downstream/client-side.ts';
import type { Peer } from '../downstream/peer.ts';
import type { Exchange } from '../exchange.ts';
import type { TunnelEnd } from '../tunnel/tunnel-end.ts';
import { forward } from '../upstream/forward.ts';
import { addressOf, hashKeyInto } from './cache-key.ts';
import { type CacheRecord, conditionsOf } from './cache-record.ts';
import type { CacheState } from './cache-state.ts';
import { CacheUse } from './cache-use.ts';
import { recall } from './shared-cache-recall.ts';

/** Answers that one worker fetches again while it serves them; further ones stay as they are until the next request. */
const MAX_BEHIND = 64;

/**
 * Fetches again what is served stale to the request at hand; one at a time for each answer of the node. `recalled`: what the cache that
 * nodes share was asked already.
 */
export function revalidateBehind(
  x: Exchange,
  key: string,
  foundKey: string,
  record: CacheRecord,
  recalled?: CacheUse,
): void {
  const { context } = x;
  const { shared } = context;
  if (context.behind >= MAX_BEHIND) {
    shared.metrics.overflow('cache_fills');
    return;
  }
  const use = new CacheUse();
  hashKeyInto(x, foundKey, use.hash);
  const cell = shared.cacheFills.begin(use.hash);
  if (cell === FILL_TAKEN) return;
  use.isBehind = true;
  use.reason = 'stale';
  use.keeps = true;
  use.asksWhole = true;
  use.key = key;
  use.address = addressOf(x);
  use.number = shared.invalidations.now();
  use.stale = record;
  use.conditions = conditionsOf(record);
  use.cell = cell;
  if (recalled !== undefined) {
    use.isRecalled = true;
    use.epoch = recalled.epoch;
    use.storeMs = recalled.storeMs;
    use.storeAtUs = recalled.storeAtUs;
  }
  context.behind++;
  const client = new NoClient(x.client.peer, x.listener, x.client.listenerName, () => context.behind--);
  const behind = x.copyFor(client, use);
  client.onBug = () => behind.onClientGone();
  shared.columns.process.add(ACTIVE_REQUESTS, 1);
  // When the client has its answer.
  setImmediate(() => {
    context.readClock();
    behind.startedUs = context.nowUs;
    try {
      const state = behind.route.cache as CacheState;
      if (!state.plan.shared || use.isRecalled || !recall(behind, state, use, foundKey)) forward(behind);
    } catch (error) {
      context.hooks.onBug(error);
      client.destroy();
    }
  });
}

/** In place of the client of a request that the gateway makes for itself. */
class NoClient implements ClientSide {
  readonly peer: Peer;
  readonly listener: ListenerPlan;
  readonly listenerName: string;
  readonly leaving = false;
  readonly leaveByMs = Number.POSITIVE_INFINITY;
  readonly drained = true;
  readonly unsentBytes = 0;
  readonly bytesSent = 0;
  onBug: (() => void) | undefined;
  readonly #onEnd: () => void;

  constructor(peer: Peer, listener: ListenerPlan, listenerName: string, onEnd: () => void) {
    this.peer = peer;
    this.listener = listener;
    this.listenerName = listenerName;
    this.#onEnd = onEnd;
  }

  sendText(): boolean {
    return true;
  }

  sendBytes(): boolean {
    return true;
  }

  sendTogether(): boolean {
    return true;
  }

  keepChunk(): void {}

  pauseReading(): void {}

  resumeReading(): void {}

  takeHeld(): void {}

  exchangeFinished(): void {
    this.#onEnd();
  }

  exchangeBroken(): void {
    this.#onEnd();
  }

  startTunnel(): TunnelEnd {
    throw new Error('a request of the gateway itself asks for no tunnel');
  }

  endTunnel(): void {}

  /** A bug in its exchange. */
  destroy(): void {
    this.onBug?.();
    this.#onEnd();
  }
}
