import type { Duration } from '@bufbuild/protobuf/wkt';
import type { ByteSize } from '@sluice/proto';

/** A duration in milliseconds, or the default where it is unset. */
export function durationMs<Default extends number | undefined>(
  duration: Duration | undefined,
  unset: Default,
): number | Default {
  return duration === undefined ? unset : Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

/** A size in bytes, or the default where it is unset. */
export function sizeBytes<Default extends number | undefined>(
  size: ByteSize | undefined,
  unset: Default,
): number | Default {
  return size === undefined ? unset : Number(size.bytes);
}
