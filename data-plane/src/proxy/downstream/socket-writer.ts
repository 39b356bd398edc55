import type { Socket } from 'node:net';
import { writeChunk, writeTogether } from '../write-chunk.ts';
import { writeText } from '../write-text.ts';

/** Texts that wait for the end of a turn; with one more they all leave. */
export const MAX_WAITING = 16;
/** Characters that one socket's texts may have while they wait. */
export const MAX_WAITING_TEXT = 16 * 1024;

const waiting: SocketWriter[] = [];
let awaitsTurnEnd = false;

/**
 * What leaves on one socket, in order. A small text leaves at the end of the event loop's turn, together with those of other sockets:
 * each write wakes the process at its other end, and one that is woken for each message in turn, or a core that changes between our code
 * and the kernel's for each, costs a seventh of a request. All else leaves at once.
 */
export class SocketWriter {
  /** A text never left: the other end had closed the connection before. */
  lost = false;
  readonly #socket: Socket;
  /** To leave in this turn. */
  #text = '';
  #isDirect = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Everything has left, as far as the kernel takes it. */
  get drained(): boolean {
    return this.#text === '' && this.#socket.writableLength === 0;
  }

  /** A text has yet to leave in this turn. */
  get waits(): boolean {
    return this.#text !== '';
  }

  /** Bytes given to it since it began, what has yet to leave among them. */
  get bytesTaken(): number {
    return this.#socket.bytesWritten + this.#text.length;
  }

  /** False: wait for the socket's `drain` before writing more. */
  text(text: string): boolean {
    const socket = this.#socket;
    if (this.#isDirect || socket.writableLength > 0 || socket.connecting) return writeText(socket, text);
    if (this.#text === '') {
      if (text.length > MAX_WAITING_TEXT) return writeText(socket, text);
      this.#text = text;
      waitForTurnEnd(this);
      return true;
    }
    if (this.#text.length + text.length <= MAX_WAITING_TEXT) {
      this.#text += text;
      return true;
    }
    this.flush();
    return writeText(socket, text);
  }

  /** As `text`, for bytes as they were read; they are written, or copied, when this returns. */
  bytes(bytes: Buffer): boolean {
    return this.#text === '' ? writeChunk(this.#socket, bytes) : this.textAndBytes('', bytes);
  }

  /** A text and bytes too large to be joined with it, in one system call. */
  textAndBytes(text: string, bytes: Buffer): boolean {
    const before = this.#text;
    this.#text = '';
    return writeTogether(this.#socket, before + text, bytes);
  }

  /** What waits leaves now. */
  flush(): void {
    const text = this.#text;
    if (text === '') return;
    this.#text = '';
    writeText(this.#socket, text);
    if (this.#socket.errored !== null) this.lost = true;
  }

  /** From now on everything leaves at once: others write to the socket too. */
  makeDirect(): void {
    this.flush();
    this.#isDirect = true;
  }

  /** Nothing more is sent after what was written (FIN). */
  end(): void {
    this.flush();
    this.#socket.end();
  }
}

/** All texts that wait leave. */
export function flushTexts(): void {
  // A writer that is flushed may have more to write, never at once.
  for (const writer of waiting) writer.flush();
  waiting.length = 0;
}

function waitForTurnEnd(writer: SocketWriter): void {
  waiting.push(writer);
  if (waiting.length > MAX_WAITING) flushTexts();
  else if (!awaitsTurnEnd) {
    awaitsTurnEnd = true;
    setImmediate(onTurnEnd);
  }
}

function onTurnEnd(): void {
  awaitsTurnEnd = false;
  flushTexts();
}
