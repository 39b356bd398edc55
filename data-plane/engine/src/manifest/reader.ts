import { type Alias, type Document, isAlias, type Node, visit } from 'yaml';
import type { Gap } from './gaps.ts';
import type { SourceKind } from './read-source.ts';

/** Reads the text that `{file: PATH}` or `{env: NAME}` names. Throws an error whose message says why it cannot. */
export type ReadSource = (kind: SourceKind, reference: string) => string;

/** Takes what is wrong at a node; `field` is the place in the manifest. */
export type ReportAt = (node: Node | undefined, field: string, message: string, remedy?: string) => void;

/** What is wrong with a key. */
interface KeyFault {
  readonly message: string;
  readonly remedy?: string | undefined;
  /** What could be meant. Default: nothing known. */
  readonly fields?: readonly string[];
}

/** What reading one document needs. */
export interface Reader {
  /** Says that the value of a field cannot be read. */
  readonly report: ReportAt;
  /** Says that a key is no field of the map at `parent`. */
  reportKey(node: Node, parent: string, field: string, fault: KeyFault): void;
  /** What was reported so far. */
  readonly gaps: readonly Gap[];
  /** Undefined: there are no files and variables to read here. */
  readonly readSource: ReadSource | undefined;
  /** The node, or what it is an alias of. Undefined, and reported, where that is nothing or too much. */
  follow(node: Node, field: string): Node | undefined;
}

export function makeReader(document: Document, found: ReportAt, readSource: ReadSource | undefined): Reader {
  const gaps: Gap[] = [];
  const report: ReportAt = (node, field, message, remedy) => {
    gaps.push({ kind: 'value', field });
    found(node, field, message, remedy);
  };
  let targets: ReadonlyMap<Alias, Node> | undefined;
  let read = 0;
  return {
    report,
    reportKey(node, parent, field, { fields = [], message, remedy }) {
      gaps.push({ kind: 'key', field: parent, fields });
      found(node, field, message, remedy);
    },
    gaps,
    readSource,
    follow(node, field) {
      read++;
      if (!isAlias(node)) return node;
      targets ??= resolveAliases(document);
      const target = targets.get(node);
      if (target === undefined) report(node, field, `there is no anchor "&${node.source}" before this alias`);
      else if (read > MAX_NODES_WITH_ALIASES) report(node, field, 'aliases make this document too large');
      else return target;
      return undefined;
    },
  };
}

/** A document with aliases may say this much once they are followed. */
const MAX_NODES_WITH_ALIASES = 100_000;

/** Each alias with the last node before it that has its anchor; found in one pass over the document. */
function resolveAliases(document: Document): ReadonlyMap<Alias, Node> {
  const anchored = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Node: (_, node) => {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchored.set(node.anchor, node as Node);
        return;
      }
      const target = anchored.get(node.source);
      if (target !== undefined) targets.set(node, target);
    },
  });
  return targets;
}
