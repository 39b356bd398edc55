import { type DescField, type DescMessage, getOption, isFieldSet, type Message } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import {
  type FieldRules,
  FieldRulesSchema,
  field as fieldRulesOf,
  message as messageRulesOf,
  oneof as oneofRulesOf,
} from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { getField } from './message-fields.ts';

/**
 * Whether a message certainly keeps the rules of its .proto file. True is a promise; false says only that it takes the validator to
 * know. A validator that explains costs twenty times as much, and nearly all that it is asked about is right.
 */
export type SurelyKept = (message: Message) => boolean;

/** Prepares the check of a message type: rules become closures once, and what has none below it costs nothing. */
export function compileSurelyKept(desc: DescMessage, expressions: KnownExpressions = {}): SurelyKept {
  const plans = new Map<DescMessage, Plan>();
  const plan = planMessage(desc, expressions, plans);
  dropIdleParts([...plans.values()]);
  return (message) => keepsAll(plan, message);
}

/** CEL expressions of messages, and the same in code. An expression that is not here leaves its message to the validator. */
export type KnownExpressions = Readonly<Record<string, (message: never) => boolean>>;

interface Plan {
  parts: readonly Part[];
}

interface Part {
  readonly holds: (message: Message) => boolean;
  /** The message type that the part is all about: where that has no rules, the part says nothing. */
  readonly below: Plan | undefined;
}

type Holds = (value: unknown) => boolean;

const NEVER: Holds = () => false;

function keepsAll(plan: Plan, message: Message): boolean {
  for (const { holds } of plan.parts) if (!holds(message)) return false;
  return true;
}

function planMessage(desc: DescMessage, expressions: KnownExpressions, plans: Map<DescMessage, Plan>): Plan {
  const known = plans.get(desc);
  if (known !== undefined) return known;
  const plan: Plan = { parts: [] };
  plans.set(desc, plan);
  const parts: Part[] = [];
  const always = (holds: (message: Message) => boolean) => parts.push({ holds, below: undefined });

  const rules = getOption(desc, messageRulesOf);
  if (rules.oneof.length > 0 || rules.celExpression.length > 0) always(NEVER);
  for (const { expression } of rules.cel) always((expressions[expression] ?? NEVER) as Holds);
  for (const oneof of desc.oneofs) {
    if (!getOption(oneof, oneofRulesOf).required) continue;
    always((message) => (memberOf(message, oneof.localName) as { case?: string }).case !== undefined);
  }
  for (const field of desc.fields) {
    const own = fieldHolds(field, getOption(field, fieldRulesOf));
    if (own !== undefined) always((message) => own(readField(message, field)));
    if (field.message === undefined) continue;
    const below = planMessage(field.message, expressions, plans);
    const all = eachOf(field, (item) => keepsAll(below, item as Message));
    parts.push({ holds: (message) => all(getField(message, field)), below });
  }
  plan.parts = parts;
  return plan;
}

/** Leaves out parts that are all about messages without any rule. */
function dropIdleParts(plans: readonly Plan[]): void {
  const busy = new Set<Plan>();
  for (let size = -1; size !== busy.size; ) {
    size = busy.size;
    for (const plan of plans) {
      if (plan.parts.some(({ below }) => below === undefined || busy.has(below))) busy.add(plan);
    }
  }
  for (const plan of plans) plan.parts = plan.parts.filter(({ below }) => below === undefined || busy.has(below));
}

/** As it stands in the message: rules hold for zero values too. Undefined where the field is not set and could be. */
function readField(message: Message, field: DescField): unknown {
  return field.oneof === undefined ? memberOf(message, field.localName) : getField(message, field);
}

function memberOf(message: Message, name: string): unknown {
  return (message as unknown as Readonly<Record<string, unknown>>)[name];
}

/** Undefined: there is no rule. */
function fieldHolds(field: DescField, rules: FieldRules): Holds | undefined {
  const holds = valueHolds(rules, field);
  if (!rules.required) return holds && ((value) => value === undefined || holds(value));
  // What required means for values that are always there is left to the validator.
  if (field.fieldKind !== 'message') return NEVER;
  return (value) => value !== undefined && (holds === undefined || holds(value));
}

/** All rules of one value, or of all entries of a list or map. Undefined: there is no rule. */
function valueHolds(rules: FieldRules, field: DescField): Holds | undefined {
  const checks = typeHolds(rules, field);
  if (rules.cel.length > 0 || rules.celExpression.length > 0) checks.push(NEVER);
  const [first, ...others] = checks;
  if (others.length === 0) return first;
  return (value) => checks.every((check) => check(value));
}

/** One check for each rule of the type; for a rule that is not known one that never holds. */
function typeHolds({ type }: FieldRules, field: DescField): Holds[] {
  if (type.case === undefined) return [];
  const rules: Message = type.value;
  const desc = FieldRulesSchema.field[type.case].message;
  const known = CHECKS[type.case];
  const set = desc?.fields.filter((rule) => isFieldSet(rules, rule)) ?? [];
  const checks = set.map((rule) => known?.[rule.localName]?.(readField(rules, rule) as never, field) ?? NEVER);
  return rules.$unknown === undefined || rules.$unknown.length === 0 ? checks : [...checks, NEVER];
}

type Checks = Readonly<Record<string, (bound: never, field: DescField) => Holds>>;

const numbers: Checks = {
  gte: (bound: number) => (value) => (value as number) >= bound,
  gt: (bound: number) => (value) => (value as number) > bound,
  lte: (bound: number) => (value) => (value as number) <= bound,
  lt: (bound: number) => (value) => (value as number) < bound,
  in: (values: readonly unknown[]) => isIn(values),
};

/** Rules by type and name. Lengths of texts are counted in UTF-16 units where that is enough to be sure. */
const CHECKS: Readonly<Record<string, Checks>> = {
  int32: numbers,
  int64: numbers,
  uint32: numbers,
  uint64: numbers,
  double: numbers,
  string: {
    pattern: (pattern: string) => {
      const regex = new RegExp(pattern, 'u');
      return (value) => regex.test(value as string);
    },
    prefix: (prefix: string) => (value) => (value as string).startsWith(prefix),
    in: (values: readonly unknown[]) => isIn(values),
    minLen: (bound: bigint) => (value) => (value as string).length >= 2 * Number(bound) - 1,
    maxLen: (bound: bigint) => (value) => (value as string).length <= Number(bound),
    minBytes: (bound: bigint) => (value) => (value as string).length >= Number(bound),
    maxBytes: (bound: bigint) => (value) => Buffer.byteLength(value as string) <= Number(bound),
  },
  bytes: {
    len: (bound: bigint) => (value) => (value as Uint8Array).length === Number(bound),
    minLen: (bound: bigint) => (value) => (value as Uint8Array).length >= Number(bound),
    maxLen: (bound: bigint) => (value) => (value as Uint8Array).length <= Number(bound),
  },
  enum: {
    in: (values: readonly unknown[]) => isIn(values),
    definedOnly: (wanted: boolean, field) => isIn(wanted ? (field.enum?.values.map(({ number }) => number) ?? []) : []),
  },
  repeated: {
    minItems: (bound: bigint) => (value) => (value as readonly unknown[]).length >= Number(bound),
    maxItems: (bound: bigint) => (value) => (value as readonly unknown[]).length <= Number(bound),
    unique: (wanted: boolean) => (value) => !wanted || areUnique(value as readonly unknown[]),
    items: (rules: FieldRules, field) => {
      const holds = entryHolds(rules, field);
      return (value) => (value as readonly unknown[]).every(holds);
    },
  },
  map: {
    minPairs: (bound: bigint) => (value) => Object.keys(value as object).length >= Number(bound),
    maxPairs: (bound: bigint) => (value) => Object.keys(value as object).length <= Number(bound),
    keys: (rules: FieldRules, field) => {
      const holds = entryHolds(rules, field);
      return (value) => Object.keys(value as object).every(holds);
    },
    values: (rules: FieldRules, field) => {
      const holds = entryHolds(rules, field);
      return (value) => Object.values(value as object).every(holds);
    },
  },
  duration: {
    gte: (bound: Duration) => compareDuration(bound, (order) => order >= 0),
    gt: (bound: Duration) => compareDuration(bound, (order) => order > 0),
    lte: (bound: Duration) => compareDuration(bound, (order) => order <= 0),
    lt: (bound: Duration) => compareDuration(bound, (order) => order < 0),
  },
};

function entryHolds(rules: FieldRules, field: DescField): Holds {
  return rules.required ? NEVER : (valueHolds(rules, field) ?? (() => true));
}

function isIn(values: readonly unknown[]): Holds {
  const known = new Set(values);
  return (value) => known.has(value);
}

/** Of messages and bytes, nothing is said. */
function areUnique(values: readonly unknown[]): boolean {
  if (values.length < 2) return true;
  return typeof values[0] !== 'object' && new Set(values).size === values.length;
}

/** Durations that are negative or not normalized are left to the validator. */
function compareDuration(bound: Duration, isRight: (order: number) => boolean): Holds {
  return (value) => {
    const { seconds, nanos } = value as Duration;
    if (seconds < 0n || nanos < 0 || nanos > 999_999_999) return false;
    return isRight(seconds === bound.seconds ? nanos - bound.nanos : seconds < bound.seconds ? -1 : 1);
  };
}

function eachOf(field: DescField, holds: Holds): Holds {
  switch (field.fieldKind) {
    case 'list':
      return (value) => value === undefined || (value as readonly unknown[]).every(holds);
    case 'map':
      return (value) => value === undefined || Object.values(value as object).every(holds);
    default:
      return (value) => value === undefined || holds(value);
  }
}
