import type { Socket } from 'node:net';
import type { ReadBuffer } from '../downstream/read-buffer.ts';
import { writeChunk } from '../write-chunk.ts';

/** After so long without a byte the kernel asks whether the other end is still there; ten times, a second apart. */
const KEEP_ALIVE_MS = 30_000;

interface WithQueue {
  readonly _handle: { readonly writeQueueSize: number } | null;
}

/** One of the two connections of a tunnel, while the tunnel has it: its socket, and the buffer that socket reads into. */
export class TunnelEnd {
  /** What had come when the tunnel began; null: nothing. */
  readonly early: Buffer | null;
  /** What is written is flushed. */
  onFlushed: (() => void) | null = null;
  readonly #socket: Socket;
  readonly #buffer: ReadBuffer;
  #paused = false;
  readonly #written = () => {
    if (this.#socket.writableLength === 0) this.onFlushed?.();
  };

  constructor(socket: Socket, buffer: ReadBuffer, early: Buffer | null) {
    this.early = early;
    this.#socket = socket;
    this.#buffer = buffer;
    // Each way ends by itself.
    socket.allowHalfOpen = true;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.resume();
  }

  /** False: it holds them until `onFlushed`. */
  send(bytes: Buffer): boolean {
    writeChunk(this.#socket, bytes, this.#written);
    return this.#socket.writableLength === 0;
  }

  /** Bytes held because the other end does not take them. */
  get heldBytes(): number {
    return this.#socket.writableLength;
  }

  /** Grows smaller with whatever the other end takes: what is held is handed to the kernel piece by piece. */
  get unsentMark(): number {
    return this.#socket.writableLength + ((this.#socket as unknown as WithQueue)._handle?.writeQueueSize ?? 0);
  }

  /** The chunk that was just read is still held by the opposite end; reads to come are to be small. */
  keepChunk(): void {
    this.#buffer.keep();
    this.#buffer.shrink();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /** Sends no more after what is written (FIN); what comes is read on. */
  end(): void {
    this.#socket.end();
  }
}
