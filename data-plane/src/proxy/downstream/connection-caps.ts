import { type ListenerPlan, mayTake, surplusOf } from '@sluice/engine';
import { ACTIVE_CONNECTIONS, CLIENT_FULL, type KeyPart, keyPart, type Shared } from '../../shared/index.ts';
import { addressGroup } from './client-address.ts';

/** A connection that counts for no client: its peer is a trusted proxy, which brings many. */
const NO_CLIENT = -2;
/** The client has as many connections as it may. */
const REFUSED_CLIENT = CLIENT_FULL;

/** How many connections are looked at to find an idle one to make room. */
const MAX_LOOKED_AT = 64;

/** What the caps need of a connection. */
export interface CappedConnection {
  readonly peer: { readonly address: string };
  /** Its cell among the clients', or NO_CLIENT. */
  readonly clientCell: number;
  /** Between requests, with nothing of the next one here. */
  readonly idle: boolean;
  /** Closes it after the answer to the request it is in, now where it is idle. */
  endSoon(): void;
  destroy(): void;
}

/** How many connections one listener may have: all of the node's, and one client's. */
export class ConnectionCaps<C extends CappedConnection> {
  readonly #shared: Shared;
  readonly #listener: string;
  readonly #open: ReadonlySet<C>;
  #enforcedPerClient = Number.POSITIVE_INFINITY;

  /** `open`: the listener's connections in this worker, in the order in which they were accepted. */
  constructor(shared: Shared, listener: string, open: ReadonlySet<C>) {
    this.#shared = shared;
    this.#listener = listener;
    this.#open = open;
  }

  /** Room for one more from `address`, if need be in place of an idle one: its cell or NO_CLIENT; undefined where there is none. */
  admit(address: string, plan: ListenerPlan): number | undefined {
    const { clientConnections, columns, metrics } = this.#shared;
    const cell = plan.trusts(address) ? NO_CLIENT : this.#takeOf(address, plan.connectionsPerClient);
    if (cell === REFUSED_CLIENT) {
      metrics.overflow('client_connections');
      return undefined;
    }
    if (!this.#hasRoom(plan.connections) && !this.#closeOldestIdle()) {
      metrics.overflow('connections');
      if (cell !== NO_CLIENT) clientConnections.giveBack(cell);
      return undefined;
    }
    columns.process.add(ACTIVE_CONNECTIONS, 1);
    return cell;
  }

  /** A connection that was admitted is closed. */
  release(cell: number): void {
    this.#shared.columns.process.add(ACTIVE_CONNECTIONS, -1);
    if (cell !== NO_CLIENT) this.#shared.clientConnections.giveBack(cell);
  }

  /** Now and then: where a cap was lowered, or workers took their shares of a full node, what is too much is closed, idle ones first. */
  enforce(plan: ListenerPlan): void {
    const { columns, region } = this.#shared;
    if (columns.process.total(ACTIVE_CONNECTIONS) > plan.connections) {
      const held = Array.from({ length: region.writers }, (_, worker) =>
        columns.process.of(worker, ACTIVE_CONNECTIONS),
      );
      closeSome([...this.#open], surplusOf(this.#shared.writer, held, plan.connections, region.workers));
    }
    const lowered = plan.connectionsPerClient < this.#enforcedPerClient;
    this.#enforcedPerClient = plan.connectionsPerClient;
    if (lowered) this.#enforcePerClient(plan);
  }

  #takeOf(address: string, limit: number): number {
    const { lo, hi } = this.#clientKey(address);
    return this.#shared.clientConnections.take(lo, hi, limit);
  }

  /** A listener's limit is for what the client has on that listener. */
  #clientKey(address: string): KeyPart {
    return keyPart(this.#shared.region.hashKey, 'clientIp', `${this.#listener} ${addressGroup(address)}`);
  }

  #hasRoom(cap: number): boolean {
    const { columns, region } = this.#shared;
    const own = columns.process.own(ACTIVE_CONNECTIONS);
    return mayTake(own, columns.process.total(ACTIVE_CONNECTIONS), cap, region.workers);
  }

  /** Makes room for a new connection by ending one that waits for nothing. */
  #closeOldestIdle(): boolean {
    let looked = 0;
    for (const connection of this.#open) {
      if (connection.idle) {
        connection.destroy();
        return true;
      }
      if (++looked === MAX_LOOKED_AT) return false;
    }
    return false;
  }

  #enforcePerClient(plan: ListenerPlan): void {
    const { clientConnections, region, writer } = this.#shared;
    const byCell = new Map<number, C[]>();
    for (const connection of this.#open) {
      if (connection.clientCell === NO_CLIENT) continue;
      const connections = byCell.get(connection.clientCell);
      if (connections === undefined) byCell.set(connection.clientCell, [connection]);
      else connections.push(connection);
    }
    for (const connections of byCell.values()) {
      const { lo, hi } = this.#clientKey((connections[0] as C).peer.address);
      const held = Array.from({ length: region.writers }, (_, worker) => clientConnections.of(worker, lo, hi));
      closeSome(connections, surplusOf(writer, held, plan.connectionsPerClient, region.workers));
    }
  }
}

/** Closes `count`: the idle ones at once, and then, oldest first, those in a request after its answer. */
function closeSome(connections: readonly CappedConnection[], count: number): void {
  if (count <= 0) return;
  const idle = connections.filter((connection) => connection.idle).slice(0, count);
  const busy = connections.filter((connection) => !connection.idle).slice(0, count - idle.length);
  for (const connection of [...idle, ...busy]) connection.endSoon();
}
