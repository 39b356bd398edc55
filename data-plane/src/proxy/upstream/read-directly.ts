import type { Socket } from 'node:net';

/** Gives what to read into next; nothing: what it was. */
export type Take = (length: number) => Buffer | undefined;

interface Handle {
  onread: (this: Handle, bytes: unknown) => unknown;
}
interface WithHandle {
  _handle: Handle | null;
}
/** Where Node's streams are told how much was read, or that nothing more is. */
export interface StreamState {
  readonly streamBaseState: ArrayLike<number>;
  readonly kReadBytesOrError: number;
}

const known = findStreamState((process as unknown as { binding?: (name: string) => unknown }).binding);

/**
 * From now on the chunks of a socket with `onread` go to `take` past the stream, which does nothing with them but costs a thirtieth of a
 * request. The end and errors go to the stream as before. Does nothing where this version of Node works another way: then the chunks
 * come by `onread`. Once the socket is destroyed its handle calls nobody any more, so `take` is not called either.
 */
export function readDirectly(socket: Socket, take: Take, state: StreamState | null = known ?? null): void {
  const handle = (socket as unknown as WithHandle)._handle;
  if (state === null || handle === null || typeof handle.onread !== 'function') return;
  const { streamBaseState, kReadBytesOrError } = state;
  const byStream = handle.onread;
  handle.onread = function onRead(bytes) {
    const length = streamBaseState[kReadBytesOrError] as number;
    return length > 0 ? take(length) : byStream.call(this, bytes);
  };
}

/** Undefined where this version of Node does not say: `binding` is `process.binding`, which is deprecated. */
export function findStreamState(binding: ((name: string) => unknown) | undefined): StreamState | undefined {
  try {
    const { streamBaseState, kReadBytesOrError }: Partial<StreamState> = binding?.call(process, 'stream_wrap') ?? {};
    if (!(streamBaseState instanceof Int32Array) || kReadBytesOrError === undefined) return undefined;
    return kReadBytesOrError in streamBaseState ? { streamBaseState, kReadBytesOrError } : undefined;
  } catch {
    return undefined;
  }
}
