import type { ListenerPlan } from '@sluice/engine';
import type { Peer } from './peer.ts';

/** The client's connection as the request it carries sees it. */
export interface ClientSide {
  readonly peer: Peer;
  /** The listener as it is now configured. */
  readonly listener: ListenerPlan;
  readonly listenerName: string;
  /** The listener is going: every answer is its connection's last. */
  readonly leaving: boolean;
  /** False: `Exchange.onClientDrain` follows once the client has taken it. */
  sendText(text: string): boolean;
  sendBytes(bytes: Buffer): boolean;
  sendTogether(text: string, bytes: Buffer): boolean;
  /** Everything sent has left. */
  readonly drained: boolean;
  /** The chunk at hand was written to a socket that has not taken all of it. */
  keepChunk(): void;
  /** Take no more of the request body for now. */
  pauseReading(): void;
  resumeReading(): void;
  /** The exchange is over and its answer written; `keepAlive`: the connection takes the next request. */
  exchangeFinished(keepAlive: boolean): void;
  /** The exchange is over and its answer cannot be completed: the client must not take what it has for a whole. */
  exchangeBroken(): void;
  /** Ends the connection and what it carries at once. */
  destroy(): void;
}
