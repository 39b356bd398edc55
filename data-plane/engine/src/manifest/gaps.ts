import type { Resource } from '@sluice/proto';
import { joinPath, parseFieldPath } from '../config/field-path.ts';
import type { Problem } from '../config/problem.ts';

/** What of a manifest could not be read: the value of a field, or a key that is no field of the map it stands in. */
export type Gap =
  | { readonly kind: 'value'; readonly field: string }
  | {
      readonly kind: 'key';
      /** The map. */
      readonly field: string;
      /** What could be meant. Empty where the map has keys of any name. */
      readonly fields: readonly string[];
    };

/** What there is to be read of a manifest with gaps in it. */
export interface Readable {
  /** Good for finding further problems, and for nothing else. */
  readonly resource: Resource;
  /** Whether a problem of that resource may come only from what could not be read. */
  isDoubtful(problem: Pick<Problem, 'field' | 'message' | 'remedy'>): boolean;
}

/**
 * A resource as far as it could be read, so that it does not get in the way of others: one whose node groups could not be read goes
 * everywhere, a route that might take other requests than it seems to takes none, and a limit that might tell consumers apart does.
 * @param isWritten whether the text has a field
 */
export function readableOf(resource: Resource, gaps: readonly Gap[], isWritten: (field: string) => boolean): Readable {
  const known = gaps.map((gap): GapAt => {
    const unwritten = gap.kind === 'key' ? gap.fields.filter((name) => !isWritten(joinPath(gap.field, name))) : [];
    return { kind: gap.kind, path: parseFieldPath(gap.field) ?? [], unwritten };
  });
  return {
    resource: stepBack(resource, known),
    isDoubtful: ({ field, message, remedy = '' }) => {
      const path = parseFieldPath(field) ?? [];
      if (path.length === 0) return false;
      const text = `${message} ${remedy}`;
      return known.some((gap) => concerns(gap, path) || speaksOf(text, gap, path));
    },
  };
}

type FieldPath = readonly (string | number)[];

interface GapAt {
  readonly kind: Gap['kind'];
  readonly path: FieldPath;
  /** What an unknown key may have been meant to be. */
  readonly unwritten: readonly string[];
}

function stepBack(resource: Resource, gaps: readonly GapAt[]): Resource {
  const nodeGroups = gaps.some(({ path }) => path[0] === 'nodeGroups') ? [] : resource.nodeGroups;
  return { ...resource, nodeGroups, spec: stepBackInSpec(resource.spec, gaps) };
}

function stepBackInSpec(spec: Resource['spec'], gaps: readonly GapAt[]): Resource['spec'] {
  if (spec.case !== 'policy' && spec.case !== 'route') return spec;
  const rateLimits = spec.value.rateLimits.map((limit, i) =>
    gaps.some((gap) => mayBeBelow(gap, ['spec', 'rateLimits', i, 'by'])) ? { ...limit, by: ['consumer'] } : limit,
  );
  if (spec.case === 'policy') return { case: 'policy', value: { ...spec.value, rateLimits } };
  const isSure = !gaps.some((gap) => MATCHING.some((field) => mayBeBelow(gap, field)));
  return { case: 'route', value: { ...spec.value, rateLimits, ...(isSure ? {} : { enabled: false }) } };
}

/** What says which requests a route takes, and where. */
const MATCHING: readonly FieldPath[] = [
  ['nodeGroups'],
  ...['enabled', 'priority', 'hosts', 'match', 'listeners'].map((field) => ['spec', field]),
];

/** Whether what is missing may belong to a field. */
function mayBeBelow({ path: gap, unwritten }: GapAt, field: FieldPath): boolean {
  const common = commonLength(gap, field);
  return common === field.length || (common === gap.length && unwritten.includes(String(field[common])));
}

/**
 * A problem of what could not be read, of what is below it, or of what holds it (but for the spec, which holds too much to be one
 * thing); or of a field that is missing beside an unknown key.
 */
function concerns({ kind, path: gap, unwritten }: GapAt, path: FieldPath): boolean {
  const common = commonLength(gap, path);
  if (common < gap.length) return common === path.length && path.length > 1;
  return kind === 'value' || path.length === gap.length || unwritten.includes(String(path[common]));
}

/** Whether a text names what leads to the gap from where the problem is, such as `match[0]`, or what the unknown key may be. */
function speaksOf(text: string, { path: gap, unwritten }: GapAt, path: FieldPath): boolean {
  if (unwritten.some((name) => namesField(text, name))) return true;
  const common = commonLength(gap, path);
  if (common === gap.length) return false;
  const [name, index] = gap.slice(typeof gap[common] === 'number' ? common - 1 : common);
  return namesField(text, String(name), typeof index === 'number' ? index : undefined);
}

function namesField(text: string, name: string, index?: number): boolean {
  const item = index === undefined ? '' : `\\[${index}\\]|`;
  return new RegExp(`(?<!\\w)${RegExp.escape(name)}(?:${item}(?![\\w[]))`).test(text);
}

function commonLength(a: FieldPath, b: FieldPath): number {
  const differs = a.findIndex((part, i) => part !== b[i]);
  return differs === -1 ? a.length : differs;
}
