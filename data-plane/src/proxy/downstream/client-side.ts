import type { ListenerPlan } from '@sluice/engine';
import type { TunnelEnd } from '../tunnel/tunnel-end.ts';
import type { Peer } from './peer.ts';

/** The client's connection as the request it carries sees it. */
export interface ClientSide {
  readonly peer: Peer;
  /** The listener as it is now configured. */
  readonly listener: ListenerPlan;
  readonly listenerName: string;
  /** The listener is going: every answer is its connection's last. */
  readonly leaving: boolean;
  /** When it is cut because the listener is going, shared clock; Infinity: it is not going. */
  readonly leaveByMs: number;
  /** False: `Exchange.onClientDrain` follows once the client has taken it. */
  sendText(text: string): boolean;
  sendBytes(bytes: Buffer): boolean;
  sendTogether(text: string, bytes: Buffer): boolean;
  /** Everything sent has left. */
  readonly drained: boolean;
  /** Sent on the connection since it began. */
  readonly bytesSent: number;
  /** Of what was sent, what the kernel has not taken yet. */
  readonly unsentBytes: number;
  /** The chunk at hand was written to a socket that has not taken all of it. */
  keepChunk(): void;
  /** Take no more of the request body until `resumeReading`. */
  pauseReading(): void;
  resumeReading(): void;
  /** What came while the exchange waited before it took anything is for it now. */
  takeHeld(): void;
  /** The exchange is over and its answer written; `keepAlive`: the connection takes the next request. */
  exchangeFinished(keepAlive: boolean): void;
  /** The exchange is over and its answer cannot be completed: the client must not take what it has for a whole. */
  exchangeBroken(): void;
  /** From now on the connection carries a tunnel instead of requests; the exchange that ends meanwhile does not end it. */
  startTunnel(tunnel: ClientTunnel): TunnelEnd;
  /** The tunnel is over: what was written is still sent, then the connection ends. Broken off, it is `exchangeBroken`. */
  endTunnel(): void;
  /** Ends the connection and what it carries at once. */
  destroy(): void;
}

/** The tunnel that a client's connection carries. */
export interface ClientTunnel {
  /** `chunk` is valid during the call only. */
  onClientChunk(chunk: Buffer): void;
  /** The client sends no more. */
  onClientEnd(): void;
  /** The connection has ended; not told where the tunnel itself ended it. */
  onClientClosed(): void;
  /** The connection is cut at this time, shared clock; Infinity: it is not. The earliest of several counts. */
  leave(byMs: number): void;
}
