import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { RpcError } from '@sluice/proto/grpc-client';

const TRIES = 3;
const WAIT_MS = 200;

/**
 * Sends a change, and sends it again where the answer was lost. All tries carry one idempotency key, so that they make one change.
 * @throws RpcError of the last try
 */
export async function retryChange<T>(send: (idempotencyKey: string) => Promise<T>): Promise<T> {
  const key = randomUUID();
  for (let attempt = 1; ; attempt++) {
    try {
      return await send(key);
    } catch (error) {
      if (!(error instanceof RpcError) || error.code !== 'unavailable' || attempt === TRIES) throw error;
      await wait(Math.min(error.retryAfterMs ?? WAIT_MS * attempt, 1_000));
    }
  }
}
