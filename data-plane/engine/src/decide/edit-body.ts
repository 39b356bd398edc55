import { topLevelMembers } from '../json/top-level-members.ts';

/**
 * Edits to the members of a JSON object, at its top level. Renames happen all at once, then members are set; what is not edited stays byte
 * for byte as it came. Costs holding and parsing the body, a second look at it, and the edited copy.
 */
export interface BodyEditsPlan {
  /** Neither of these comes through as it is: they are removed, or set. */
  readonly dropped: ReadonlySet<string>;
  /** From and to. A member that already has the name gives way. */
  readonly renamed: ReadonlyMap<string, string>;
  readonly set: readonly SetMember[];
  /** The largest body that is edited. */
  readonly maxBytes: number;
}

/** A member with its value, as JSON. */
export interface SetMember {
  /** Text between parameters: `"name":literals[0]`, params[0], literals[1] ... */
  readonly literals: readonly string[];
  /** Path parameters that stand within strings. */
  readonly params: readonly string[];
}

/** `bytes` with the edits made, or themselves where there is nothing to edit. They must be JSON, `value` is what they say. */
export function editBody(
  plan: BodyEditsPlan,
  bytes: Buffer,
  value: unknown,
  params: ReadonlyMap<string, string>,
): Buffer {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return bytes;
  if (plan.set.length === 0 && !isTouched(plan, value)) return bytes;
  const displaced = new Set<string>();
  for (const [from, to] of plan.renamed) if (Object.hasOwn(value, from)) displaced.add(to);
  const parts: Buffer[] = [];
  for (const { name, nameStart, valueStart, end } of topLevelMembers(bytes)) {
    const to = plan.renamed.get(name);
    if (to === undefined && (plan.dropped.has(name) || displaced.has(name))) continue;
    parts.push(parts.length === 0 ? OPEN : COMMA);
    if (to === undefined) parts.push(bytes.subarray(nameStart, end));
    else parts.push(Buffer.from(`${JSON.stringify(to)}:`), bytes.subarray(valueStart, end));
  }
  for (const member of plan.set) {
    parts.push(parts.length === 0 ? OPEN : COMMA, Buffer.from(fill(member, params)));
  }
  if (parts.length === 0) parts.push(OPEN);
  parts.push(CLOSE);
  return Buffer.concat(parts);
}

const OPEN = Buffer.from('{');
const COMMA = Buffer.from(',');
const CLOSE = Buffer.from('}');

function isTouched({ dropped, renamed }: BodyEditsPlan, value: object): boolean {
  for (const name of dropped) if (Object.hasOwn(value, name)) return true;
  for (const name of renamed.keys()) if (Object.hasOwn(value, name)) return true;
  return false;
}

function fill({ literals, params }: SetMember, values: ReadonlyMap<string, string>): string {
  let text = literals[0] as string;
  for (let i = 0; i < params.length; i++) {
    text += JSON.stringify(values.get(params[i] as string) ?? '').slice(1, -1) + (literals[i + 1] as string);
  }
  return text;
}
