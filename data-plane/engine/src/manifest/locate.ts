import { isMap, isScalar, isSeq, type Node, type Pair } from 'yaml';
import { parseFieldPath } from '../config/field-path.ts';

/**
 * The offset at which a field of the resource at `root` is written; where it is not written, that of the nearest part around it which is.
 * Undefined where the text is no field path.
 */
export function locate(root: Node, field: string): number | undefined {
  const parts = parseFieldPath(field);
  if (parts === undefined) return undefined;
  return stepsTo(root, parts).reduce((offset, step) => step.offset ?? offset, startOf(root) ?? 0);
}

/** Whether a field of the resource at `root` is written there. */
export function isWritten(root: Node, field: string): boolean {
  const parts = parseFieldPath(field);
  return parts !== undefined && stepsTo(root, parts).length === parts.length;
}

/** Where a node begins in its text; undefined for one that was not read from text. */
export function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}

interface Step {
  readonly node: Node | null;
  readonly offset: number | undefined;
}

/** The steps along a path, as far as it is written. */
function stepsTo(root: Node, parts: readonly (string | number)[]): Step[] {
  const steps: Step[] = [];
  let node: Node | null = root;
  for (const part of parts) {
    const step: Step | undefined = node === null ? undefined : stepInto(node, part);
    if (step === undefined) break;
    steps.push(step);
    node = step.node;
  }
  return steps;
}

function stepInto(node: Node, part: string | number): Step | undefined {
  if (isSeq(node) && typeof part === 'number') {
    const item = node.items[part] as Node | undefined;
    return item && { node: item, offset: startOf(item) };
  }
  if (!isMap(node) || typeof part !== 'string') return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && key.value === part) as Pair<Node, Node | null> | undefined;
  return pair && { node: pair.value, offset: startOf(pair.key) };
}
