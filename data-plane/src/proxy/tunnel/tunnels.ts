import type { Tables } from '@sluice/engine';
import type { Caller } from '../identity/caller.ts';
import type { HeldBytes, TunnelFlow } from './tunnel-flow.ts';
import { revokedAtMs } from './tunnel-identity.ts';

/** Most that one worker holds for ends of tunnels that do not read. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;

/** What the worker asks of a tunnel. */
interface OpenTunnel {
  /** Who opened it; null: anonymous. */
  readonly caller: Caller | null;
  /** Its caller may do this no longer. */
  revoke(): void;
}

/** The tunnels of one worker. */
export class Tunnels implements HeldBytes {
  readonly #open = new Set<OpenTunnel>();
  /** Bytes by flow that is held up, the one that has been so for longest first. */
  readonly #held = new Map<TunnelFlow, number>();
  readonly #maxHeldBytes: number;
  #heldBytes = 0;
  #epoch = -1;
  /** When a caller's credential ends that was shortened while its tunnel was open; Unix milliseconds. */
  #nextEndMs = Number.POSITIVE_INFINITY;

  constructor(maxHeldBytes = MAX_HELD_BYTES) {
    this.#maxHeldBytes = maxHeldBytes;
  }

  add(tunnel: OpenTunnel): void {
    this.#open.add(tunnel);
  }

  delete(tunnel: OpenTunnel): void {
    this.#open.delete(tunnel);
  }

  hold(flow: TunnelFlow, bytes: number): void {
    this.#heldBytes += bytes - (this.#held.get(flow) ?? 0);
    this.#held.set(flow, bytes);
    for (const [longest] of this.#held) {
      if (this.#heldBytes <= this.#maxHeldBytes) break;
      this.release(longest);
      longest.tooMuchHeld();
    }
  }

  release(flow: TunnelFlow): void {
    this.#heldBytes -= this.#held.get(flow) ?? 0;
    this.#held.delete(flow);
  }

  /** Ends the tunnels of callers that were revoked; looks at them only where something changed. `nowMs`: Unix milliseconds. */
  endRevoked(tables: Tables, nowMs: number): void {
    if (this.#epoch === tables.epoch && nowMs < this.#nextEndMs) return;
    this.#epoch = tables.epoch;
    this.#nextEndMs = Number.POSITIVE_INFINITY;
    for (const tunnel of this.#open) {
      if (tunnel.caller === null) continue;
      const atMs = revokedAtMs(tunnel.caller, tables);
      if (atMs <= nowMs) tunnel.revoke();
      else this.#nextEndMs = Math.min(this.#nextEndMs, atMs);
    }
  }
}
