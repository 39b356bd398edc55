import { type Duration, durationMs } from '@bufbuild/protobuf/wkt';
import { KINDS, type Kind, parseDuration } from '@sluice/engine';
import { InvalidArgumentError, Option } from 'commander';

/** An option that takes a duration such as `30s`, of at most `most`. Without `unset` it is undefined where it is not given. */
export function durationOption(flags: string, description: string, most: string, unset?: string): Option {
  const read = (text: string): Duration => {
    const duration = parseDuration(text);
    if (typeof duration === 'string' || durationMs(duration) > durationMs(parseDuration(most) as Duration))
      throw new InvalidArgumentError(`It is a duration such as 250ms, 30s or 5m, at most ${most}.`);
    return duration;
  };
  const option = new Option(flags, description).argParser(read);
  return unset === undefined ? option : option.default(read(unset), unset);
}

/** A revision's number. */
export function readRevision(text: string): bigint {
  if (!/^\d{1,15}$/.test(text))
    throw new InvalidArgumentError('It is the number of a revision; see: gatewayctl history');
  return BigInt(text);
}

/** A whole number from 1. */
export function readCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1.');
  return Number(text);
}

/** `KEY=VALUE`. */
export function readLabel(text: string): string {
  if (!/^[^=]+=[^=]*$/.test(text)) throw new InvalidArgumentError('It is KEY=VALUE.');
  return text;
}

/** A moment such as `2027-01-01T00:00:00Z`; without a time zone it is UTC. In milliseconds. */
export function readTimeMs(text: string): number {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2] ?? '00:00'}${match[3] ?? 'Z'}`);
  if (Number.isNaN(ms)) throw new InvalidArgumentError('It is a time such as 2027-01-01T00:00:00Z.');
  return ms;
}

/** A kind as people write it: any case, singular or plural. */
export function readKind(text: string): Kind {
  const plain = text.toLowerCase().replace(/-/g, '');
  const kind = KINDS.find((each) => {
    const one = each.toLowerCase();
    return [one, `${one}s`, one.replace(/y$/, 'ies')].includes(plain);
  });
  if (kind === undefined) throw new InvalidArgumentError(`It is one of ${KINDS.join(', ')}.`);
  return kind;
}

/** As {@link readKind}, or `all`. */
export function readKindOrAll(text: string): Kind | 'all' {
  return text.toLowerCase() === 'all' ? 'all' : readKind(text);
}

/** Gathers an option that may be given again. */
export function collect(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, text];
}
