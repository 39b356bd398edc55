import { create } from '@bufbuild/protobuf';
import { type ByteSize, ByteSizeSchema } from '@sluice/proto';

/** Parses a size as manifests write it: a whole number and one of `B`, `KiB`, `MiB`, `GiB`. Returns a message where it is none. */
export function parseByteSize(text: string): ByteSize | string {
  const [, number, unit] = WRITTEN.exec(text) ?? [];
  if (number === undefined || unit === undefined) return explain(text);
  const bytes = BigInt(number) * BYTES.get(unit)!;
  if (bytes > MAX_BYTES) return `${text} is too large a size; at most ${MAX_BYTES}B`;
  return create(ByteSizeSchema, { bytes });
}

/** The shortest way to write a size that parses back to the same: the largest unit that divides it. */
export function formatByteSize({ bytes }: ByteSize): string {
  if (bytes === 0n) return '0B';
  const [unit, size] = UNITS.find(([, each]) => bytes % each === 0n)!;
  return `${bytes / size}${unit}`;
}

const WRITTEN = /^(\d{1,16})(B|KiB|MiB|GiB)$/;
const DECIMAL = /^\d+ ?([kKmMgG])[bB]?$/;
/** What ByteSize admits: numbers that are exact in JSON. */
const MAX_BYTES = 2n ** 53n - 1n;

/** The largest first. */
const UNITS: readonly (readonly [string, bigint])[] = [
  ['GiB', 1024n ** 3n],
  ['MiB', 1024n ** 2n],
  ['KiB', 1024n],
  ['B', 1n],
];
const BYTES: ReadonlyMap<string, bigint> = new Map(UNITS);

function explain(text: string): string {
  const prefix = DECIMAL.exec(text)?.[1]?.toUpperCase();
  const hint = prefix === undefined ? '512B, 8KiB, 10MiB or 1GiB' : `${Number.parseInt(text, 10)}${prefix}iB`;
  return `${JSON.stringify(text)} is not a size; write a whole number and a unit, as in ${hint}`;
}
