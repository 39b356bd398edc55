import { create } from '@bufbuild/protobuf';
import { type Duration, DurationSchema } from '@bufbuild/protobuf/wkt';

/**
 * Parses a duration as manifests write it: a whole number and one unit of `ns`, `us`, `ms`, `s`, `m`, `h`, `d`.
 * Returns a message where it is none.
 */
export function parseDuration(text: string): Duration | string {
  const [, number, unit] = WRITTEN.exec(text) ?? [];
  if (number === undefined || unit === undefined) {
    return `${JSON.stringify(text)} is not a duration; write a whole number and a unit, as in 250ms, 5s, 1m, 2h or 30d`;
  }
  const nanos = BigInt(number) * NANOS.get(unit)!;
  const seconds = nanos / NANOS_PER_SECOND;
  if (seconds > MAX_SECONDS) return `${text} is too long a duration; at most ${MAX_SECONDS}s`;
  return create(DurationSchema, { seconds, nanos: Number(nanos % NANOS_PER_SECOND) });
}

/** The shortest way to write a duration that parses back to the same: the largest unit that divides it. */
export function formatDuration(duration: Duration): string {
  const total = duration.seconds * NANOS_PER_SECOND + BigInt(duration.nanos);
  if (total === 0n) return '0s';
  for (const [unit, nanos] of UNITS) {
    if (total % nanos === 0n) return `${total / nanos}${unit}`;
  }
  return `${total}ns`;
}

const NANOS_PER_SECOND = 1_000_000_000n;
/** The range of google.protobuf.Duration. */
const MAX_SECONDS = 315_576_000_000n;
const WRITTEN = /^(\d{1,24})(ns|us|ms|s|m|h|d)$/;

/** The largest first. */
const UNITS: readonly (readonly [string, bigint])[] = [
  ['d', 86_400n * NANOS_PER_SECOND],
  ['h', 3_600n * NANOS_PER_SECOND],
  ['m', 60n * NANOS_PER_SECOND],
  ['s', NANOS_PER_SECOND],
  ['ms', 1_000_000n],
  ['us', 1_000n],
  ['ns', 1n],
];
const NANOS: ReadonlyMap<string, bigint> = new Map(UNITS);
