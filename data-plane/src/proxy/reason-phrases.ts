import { STATUS_CODES } from 'node:http';

/** The phrase of a status line the gateway writes itself. */
export function reasonPhrase(status: number): string {
  return STATUS_CODES[status] ?? 'Unknown';
}
