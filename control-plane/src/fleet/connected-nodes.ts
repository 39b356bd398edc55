import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Hello } from '@sluice/proto';
import type { NodeSession } from './node-session.ts';

/** What became of the streams of one id when another came. `displaced` is no longer among them, and is to be closed. */
export type Arrival =
  | { readonly kind: 'only' }
  /** It is the node in place of another stream of the same process, or of one with the same id. */
  | { readonly kind: 'again'; readonly displaced: NodeSession }
  /** Of two processes the one started later is the node, and the other its predecessor. */
  | { readonly kind: 'takeover'; readonly displaced: NodeSession | undefined };

/**
 * The streams of the nodes that are connected to this replica: for each id the node, and beside it the process that it takes over
 * from, until that goes. Of two streams with one id the later is the node, unless one's process takes over from the other's.
 */
export class ConnectedNodes {
  readonly #nodes = new Map<string, NodeSession>();
  readonly #predecessors = new Map<string, NodeSession>();

  get nodes(): ReadonlyMap<string, NodeSession> {
    return this.#nodes;
  }

  /** The process that a node takes over from, which gets what is new until it goes. */
  predecessorOf(nodeId: string): NodeSession | undefined {
    return this.#predecessors.get(nodeId);
  }

  /** Of nodes and their predecessors. */
  *streams(): Generator<NodeSession> {
    yield* this.#nodes.values();
    yield* this.#predecessors.values();
  }

  add(session: NodeSession): Arrival {
    const { hello } = session;
    const node = this.#nodes.get(hello.nodeId);
    if (node !== undefined && takesOver(node.hello, hello)) return this.#precede(session);
    this.#nodes.set(hello.nodeId, session);
    if (node === undefined) return { kind: 'only' };
    return takesOver(hello, node.hello) ? this.#precede(node) : { kind: 'again', displaced: node };
  }

  /** A stream has ended. Where it was a node that took over from a process, that one is the node again. */
  remove(session: NodeSession): 'node' | 'predecessor' | 'displaced' {
    const { nodeId } = session.hello;
    const predecessor = this.#predecessors.get(nodeId);
    if (predecessor === session) {
      this.#predecessors.delete(nodeId);
      return 'predecessor';
    }
    if (this.#nodes.get(nodeId) !== session) return 'displaced';
    this.#nodes.delete(nodeId);
    this.#predecessors.delete(nodeId);
    if (predecessor !== undefined) this.#nodes.set(nodeId, predecessor);
    return 'node';
  }

  #precede(session: NodeSession): Arrival {
    const { nodeId } = session.hello;
    const displaced = this.#predecessors.get(nodeId);
    this.#predecessors.set(nodeId, session);
    return { kind: 'takeover', displaced };
  }
}

function takesOver(later: Hello, earlier: Hello): boolean {
  return later.takeover && startedMs(later) > startedMs(earlier);
}

function startedMs({ startedAt }: Hello): number {
  return startedAt === undefined ? 0 : timestampMs(startedAt);
}
