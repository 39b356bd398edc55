import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from './admin.ts';
import { connectRaw } from './raw-client.ts';
import { waitFor } from './wait-for.ts';

/** A route that answers by itself, to whoever has a key of the consumer `revocations`. */
export const REVOCATIONS = `
kind: Consumer
name: revocations
spec: {}
---
kind: Route
name: revocations
spec:
  match: [{ path: { exact: /revocations } }]
  respond: { status: 200 }
  auth: { anyOf: [{ apiKey: {} }] }
`;

/** Requests a second over all nodes. */
const RATE = 500;

/**
 * Revokes so many keys, one after the other, while they are used on every node. Gives for each node and key how long after the
 * admin's answer the last request was sent that was still accepted, in milliseconds; 0 where none was.
 */
export async function measureRevocations(admin: Admin, ports: readonly number[], count: number): Promise<number[]> {
  const lateMs: number[] = [];
  for (let n = 0; n < count; n++) lateMs.push(...(await revokeInUse(admin, ports, `revoked-${n}`)));
  return lateMs;
}

async function revokeInUse(admin: Admin, ports: readonly number[], name: string): Promise<number[]> {
  const key = await admin.createKey(name, 'revocations');
  const users = ports.map((port, i) => useKey(port, key, { i, of: ports.length }));
  await waitFor('the key is accepted everywhere', () => users.every(({ accepted }) => accepted()), {
    deadlineMs: 60_000,
  });
  await admin.keys.revokeKey({ name });
  const answeredAt = performance.now();
  const lastAcceptedAt = await Promise.all(users.map(({ refused }) => refused));
  return lastAcceptedAt.map((sentAt) => Math.max(0, sentAt - answeredAt));
}

interface KeyUser {
  readonly accepted: () => boolean;
  /** Resolves when a key that was accepted is refused, with when the last request was sent that was not. */
  readonly refused: Promise<number>;
}

/** Uses a key on one connection to a node, its share of the rate, in turn with the other nodes. */
function useKey(port: number, key: string, { i, of }: { readonly i: number; readonly of: number }): KeyUser {
  const everyMs = (1000 * of) / RATE;
  let lastAcceptedAt: number | undefined;
  const run = async (): Promise<number> => {
    await using client = await connectRaw(port);
    for (let dueAt = performance.now() + (everyMs * i) / of; ; dueAt += everyMs) {
      await delay(Math.max(0, dueAt - performance.now()));
      const sentAt = performance.now();
      const { status } = await client.request({ target: '/revocations', headers: { 'x-api-key': key } });
      if (status === 200) lastAcceptedAt = sentAt;
      else if (lastAcceptedAt !== undefined) return lastAcceptedAt;
    }
  };
  return { accepted: () => lastAcceptedAt !== undefined, refused: run() };
}
