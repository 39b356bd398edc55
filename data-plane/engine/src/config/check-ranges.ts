import { type DescField, getOption, type Message, ScalarType } from '@bufbuild/protobuf';
import type { Path } from '@bufbuild/protobuf/reflect';
import { type Duration, DurationSchema } from '@bufbuild/protobuf/wkt';
import { createValidator, type Violation } from '@bufbuild/protovalidate';
import {
  type ByteSize,
  ByteSizeSchema,
  type Resource,
  ResourceSchema,
  type Route,
  type Service,
  sensitive,
} from '@sluice/proto';
import { formatByteSize } from '../manifest/byte-size.ts';
import { formatDuration, parseDuration } from '../manifest/duration.ts';
import { formatFieldPath } from './field-path.ts';
import { getField } from './message-fields.ts';
import { patternInWords } from './pattern-words.ts';
import type { Finding, Report } from './problem.ts';
import { compileSurelyKept, type KnownExpressions } from './quick-ranges.ts';

/** Reports the rules of the .proto files that a resource breaks, at the places as manifests write them. */
export function checkRanges(resource: Resource, report: Report): void {
  if (SURELY_KEPT(resource)) return;
  const result = VALIDATOR.validate(ResourceSchema, resource);
  if (result.kind === 'error') throw result.error;
  for (const violation of result.violations ?? []) report(explain(violation, resource));
}

/** What goes beyond the standard rules, as in route.proto and service.proto. */
const EXPRESSIONS: KnownExpressions = {
  "(this.service != '' ? 1 : 0) + (size(this.destinations) > 0 ? 1 : 0) + (has(this.redirect) ? 1 : 0) + (has(this.respond) ? 1 : 0) == 1":
    ({ service, destinations, redirect, respond }: Route) =>
      [service !== '', destinations.length > 0, redirect !== undefined, respond !== undefined].filter(Boolean)
        .length === 1,
  '(size(this.endpoints) > 0) != has(this.discovery)': ({ endpoints, discovery }: Service) =>
    endpoints.length > 0 !== (discovery !== undefined),
};

/** Whether a resource certainly keeps the rules, found without saying why not. */
export const SURELY_KEPT = compileSurelyKept(ResourceSchema, EXPRESSIONS);

/** Rules are compiled on first use and kept. */
const VALIDATOR = createValidator();

function explain(violation: Violation, resource: Resource): Finding {
  const { field: path } = violation;
  const field = formatFieldPath(path);
  if (violation.forKey) {
    return { field, message: `the key ${JSON.stringify(lastKey(path))} ${reword(violation, undefined)}` };
  }
  const value = valueAt(resource, path);
  const got = describeValue(path, value);
  return { field, message: reword(violation, value) + (got === undefined ? '' : `, not ${got}`) };
}

function reword(violation: Violation, value: unknown): string {
  const { ruleId, message, field } = violation;
  const last = field.at(-1);
  switch (ruleId) {
    case 'required':
      if (last?.kind === 'oneof') return `needs one of ${last.fields.map(({ jsonName }) => jsonName).join(', ')}`;
      return 'is needed';
    case 'string.pattern':
      return patternInWords(/`(.*)`$/s.exec(message)?.[1] ?? '');
    case 'string.prefix':
      return `must begin with ${/`(.*)`$/s.exec(message)?.[1]}`;
    case 'string.min_len':
    case 'string.min_bytes':
      return 'must not be empty';
    case 'string.in':
    case 'uint32.in':
      return `must be one of ${/\[(.*)\]/.exec(message)?.[1]?.replace(/^, /, '')}`;
    case 'repeated.unique':
      return `lists ${JSON.stringify(firstRepeated(value))} twice`;
    case 'repeated.min_items':
      return 'must not be empty';
    case 'enum.defined_only':
      return 'is a value that this version does not know';
    default:
      return shortenBounds(message, field);
  }
}

/** `must be greater than or equal to 0.001s and less than or equal to 60s` as `must be 1ms to 1m`. */
function shortenBounds(message: string, path: Path): string {
  const written = (bound: string) => writeBound(bound, path);
  return message
    .replace(
      /greater than or equal to (\S+) and less than or equal to (\S+)/,
      (_, low: string, high: string) => `${written(low)} to ${written(high)}`,
    )
    .replace(/greater than or equal to (\S+)/, (_, low: string) => `at least ${written(low)}`)
    .replace(/less than or equal to (\S+)/, (_, high: string) => `at most ${written(high)}`)
    .replace(/must contain no more than (\d+) item\(s\)/, 'must have at most $1 entries')
    .replace('map must be at most', 'must have at most');
}

function writeBound(bound: string, path: Path): string {
  const last = path.at(-1);
  if (last?.kind !== 'field') return bound;
  if (last.parent.typeName === ByteSizeSchema.typeName) {
    return formatByteSize({ $typeName: ByteSizeSchema.typeName, bytes: BigInt(bound) } as ByteSize);
  }
  if (last.message?.typeName !== DurationSchema.typeName) return bound;
  const nanos = parseDuration(`${Math.round(Number.parseFloat(bound) * 1e9)}ns`);
  return typeof nanos === 'string' ? bound : formatDuration(nanos);
}

/** What is there instead, for values that are short and may be shown. */
function describeValue(path: Path, value: unknown): string | undefined {
  const field = path.findLast((part) => part.kind === 'field') as DescField | undefined;
  if (field !== undefined && getOption(field, sensitive)) return undefined;
  switch (typeof value) {
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'string':
      return value === '' || value.length > 80 ? undefined : JSON.stringify(value);
    default:
      return isDuration(value) ? formatDuration(value) : undefined;
  }
}

function isDuration(value: unknown): value is Duration {
  return typeof value === 'object' && value !== null && (value as Message).$typeName === DurationSchema.typeName;
}

function valueAt(resource: Resource, path: Path): unknown {
  let value: unknown = resource;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (part.kind === 'field') value = getField(value as Message, part) ?? zeroOf(part);
    else if (part.kind === 'list_sub') value = (value as readonly unknown[])[part.index];
    else if (part.kind === 'map_sub') value = (value as Record<string, unknown>)[String(part.key)];
    else return undefined;
  }
  return value;
}

/** What a number that is not set counts as; nothing worth showing for what else is not set. */
function zeroOf(field: DescField): number | undefined {
  return field.fieldKind === 'scalar' && field.presence === 2 && field.scalar !== ScalarType.STRING ? 0 : undefined;
}

function lastKey(path: Path): string {
  const last = path.at(-1);
  return last?.kind === 'map_sub' ? String(last.key) : '';
}

function firstRepeated(value: unknown): unknown {
  const items = value as readonly unknown[];
  return items.find((item, index) => items.indexOf(item) !== index);
}
