import { connect } from 'node:net';
import type { EndpointPlan, ProbePlan } from '@sluice/engine';
import { Client } from 'undici';

/** An answer's body is not of interest; more than this is not read. */
const MAX_BODY_BYTES = 64 * 1024;

/** Asks an endpoint once, on a connection of its own. Undefined: it is well; else what is wrong, in a few words. Never throws. */
export async function probe(
  plan: ProbePlan,
  { host, port, address }: EndpointPlan,
  timeoutMs: number,
): Promise<string | undefined> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    switch (plan.kind) {
      case 'tcp':
        await connectOnce(host, port, signal);
        return undefined;
      case 'http': {
        const status = await askOnce(`http://${address}`, plan.path, signal);
        return plan.statuses.some(({ from, to }) => status >= from && status <= to) ? undefined : `status ${status}`;
      }
      default:
        return plan satisfies never;
    }
  } catch (error) {
    return signal.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error);
  }
}

async function askOnce(origin: string, path: string, signal: AbortSignal): Promise<number> {
  const client = new Client(origin, { pipelining: 0, maxResponseSize: MAX_BODY_BYTES });
  try {
    const answer = await client.request({
      method: 'GET',
      path,
      headers: { 'user-agent': 'sluice-health-check' },
      reset: true,
      signal,
    });
    // Destroying the client ends the body, whatever is left of it.
    answer.body.on('error', () => undefined);
    return answer.statusCode;
  } finally {
    await client.destroy();
  }
}

function connectOnce(host: string, port: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ host, port, signal });
  socket.on('connect', resolve).on('error', reject);
  return promise.finally(() => socket.destroy());
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error as NodeJS.ErrnoException).code ?? error.message;
}
