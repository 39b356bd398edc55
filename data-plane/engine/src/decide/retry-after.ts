import { parseHttpDate } from './http-date.ts';

/**
 * What a Retry-After field asks for, milliseconds from `unixNowMs` (RFC 9110 10.2.3): seconds, or a date, of which one in the past asks
 * for nothing. Undefined where it says neither.
 */
export function retryAfterMs(value: string, unixNowMs: number): number | undefined {
  if (/^\d{1,10}$/.test(value)) return Number(value) * 1000;
  const unixMs = parseHttpDate(value, unixNowMs);
  return unixMs === undefined ? undefined : Math.max(0, unixMs - unixNowMs);
}
