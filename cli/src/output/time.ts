import type { Timestamp } from '@bufbuild/protobuf/wkt';

/** ISO 8601 in UTC; empty where it is unset. */
export function formatTime(time: Timestamp | undefined): string {
  return time === undefined ? '' : toDate(time).toISOString();
}

/** How long ago, in the largest whole unit: `5s`, `3m`, `2h`, `4d`. `-` where it is unset. */
export function formatAge(time: Timestamp | undefined, nowMs: number): string {
  if (time === undefined) return '-';
  return formatSpan(nowMs - toDate(time).getTime());
}

function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

function toDate({ seconds, nanos }: Timestamp): Date {
  return new Date(Number(seconds) * 1000 + nanos / 1e6);
}
