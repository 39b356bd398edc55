import { StoreStartError, StoreUnavailable } from './failure.ts';

/**
 * What a driver rejected with, as what a store rejects with. Drivers' and Drizzle's own errors stop here: they carry statements and
 * parameters. Codes that do not say "away" or "try again" are a bug of ours and stay a plain error.
 */
export function translateError(error: unknown, effect: 'none' | 'unknown'): Error {
  if (error instanceof StoreStartError) return error;
  if (error instanceof StoreUnavailable) return effect === 'none' ? error : new StoreUnavailable(error.message, effect);
  const { code, message } = findCause(error);
  if (effect === 'unknown' || isPassing(code)) {
    return new StoreUnavailable(`the database is not available: ${describe(code, message)}`, effect);
  }
  return new Error(`the database refused a statement: ${describe(code, message)}`);
}

/** Whether the connection is gone, or may as well be, rather than the statement refused. */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof StoreUnavailable) return true;
  const { code } = findCause(error);
  return /^(08|57P0)/.test(code) || isNetwork(code);
}

/** Why the database could not be opened, in one line, and what to do about it. */
export function translateStartError(error: unknown, address: string): StoreStartError {
  if (error instanceof StoreStartError) return error;
  const { code, message } = findCause(error);
  const [text, remedy] = startFailures[code] ?? [
    describe(code, message),
    'check --database and the log of the database server',
  ];
  return new StoreStartError(`cannot use the database at ${address}: ${text}`, remedy);
}

const startFailures: Readonly<Record<string, readonly [text: string, remedy: string]>> = {
  ECONNREFUSED: ['nothing listens there', 'start PostgreSQL, or correct --database'],
  ENOTFOUND: ['the host name is not known', 'correct the host in --database'],
  EAI_AGAIN: ['the host name cannot be looked up now', 'check the name service, or correct the host in --database'],
  CONNECT_TIMEOUT: ['it does not answer', 'check that PostgreSQL runs there and that the network lets it through'],
  ECONNRESET: ['it closes the connection', 'check that PostgreSQL listens there'],
  CONNECTION_CLOSED: ['it closes the connection', 'check that PostgreSQL listens there'],
  CONNECTION_DESTROYED: ['it does not answer', 'check that PostgreSQL runs there and that the network lets it through'],
  '28P01': ['the password is wrong', 'correct the user or the password in --database'],
  '28000': ['the user may not log in', 'correct the user in --database, or pg_hba.conf of the server'],
  '3D000': ['there is no such database', 'create it with createdb, or correct the name in --database'],
  '42501': ['the user may not create tables', 'grant it CREATE on the schema public, or use another user'],
  '53300': ['it has no connection to spare', 'raise max_connections of the server'],
};

/** Connection lost, out of resources, shutting down, standby, lock or statement timeout, serialisation. */
function isPassing(code: string): boolean {
  return (
    /^(08|53|57|58|40)/.test(code) || ['25006', '55P03', '25P03', '28P01', '3D000'].includes(code) || isNetwork(code)
  );
}

function isNetwork(code: string): boolean {
  return /^(E[A-Z]{4,}|CONNECT_TIMEOUT|CONNECTION_[A-Z]+)$/.test(code);
}

function describe(code: string, message: string): string {
  const line = message.split('\n')[0] ?? '';
  return code === '' ? line : `${line} (${code})`;
}

/** The innermost error: Drizzle wraps the driver's, and a message of its own repeats all parameters. */
function findCause(error: unknown): { code: string; message: string } {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (inner instanceof AggregateError && inner.errors[0] instanceof Error) inner = inner.errors[0];
  if (!(inner instanceof Error)) return { code: '', message: String(inner) };
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : '';
  return { code, message: inner.message };
}
