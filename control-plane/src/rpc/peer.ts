import { createContextKey } from '@connectrpc/connect';

/** Where a call comes from, as HOST:PORT; for logs. */
export const peerAddress = createContextKey('unknown', { description: 'address of the peer' });

/** Cuts a call's stream without waiting for the peer to read what was sent. */
export const cutCall = createContextKey<() => void>(() => undefined, { description: 'cuts the stream of the call' });
