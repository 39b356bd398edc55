import { MAX_KEY_SET_BYTES, parseKeySet } from '@sluice/engine';
import { Client } from 'undici';

/** All of it: name, connection, TLS, and the whole document. */
const TIMEOUT_MS = 5_000;

/** A key set as it came, or why there is none. */
export type FetchedDocument = { readonly document: string; readonly problems: readonly string[] } | FetchFailure;
interface FetchFailure {
  readonly failure: string;
}

/**
 * Fetches a key set (RFC 7517, 5) on a connection of its own. Redirects are not followed: whoever could make one could bring keys of
 * his own. Never throws.
 */
export async function fetchKeySet(url: string, signal: AbortSignal): Promise<FetchedDocument> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const client = new Client(new URL(url).origin, { pipelining: 0, maxResponseSize: MAX_KEY_SET_BYTES });
  // Its errors are those of its one request.
  client.on('connectionError', () => undefined);
  try {
    return await ask(client, url, AbortSignal.any([signal, timeout]));
  } catch (error) {
    return { failure: timeout.aborted ? `no answer within ${TIMEOUT_MS} ms` : reasonOf(error) };
  } finally {
    await client.destroy();
  }
}

async function ask(client: Client, url: string, signal: AbortSignal): Promise<FetchedDocument> {
  const { pathname, search } = new URL(url);
  const answer = await client.request({
    method: 'GET',
    path: `${pathname}${search}`,
    headers: { accept: 'application/jwk-set+json, application/json', 'user-agent': 'sluice-key-set' },
    reset: true,
    signal,
  });
  if (answer.statusCode !== 200) {
    // Destroying the client ends the body.
    answer.body.on('error', () => undefined);
    return { failure: `status ${answer.statusCode}` };
  }
  const document = await answer.body.text();
  const set = parseKeySet(document);
  return typeof set === 'string' ? { failure: `the answer ${set}` } : { document, problems: set.problems };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error as NodeJS.ErrnoException).code ?? error.message;
}
