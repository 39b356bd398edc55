import type { Resource } from '@sluice/proto';
import { type Document, isSeq, type Node } from 'yaml';
import type { Kind } from '../config/kind.ts';
import { kindOf } from '../config/kind.ts';
import type { Problem } from '../config/problem.ts';
import { readableOf } from './gaps.ts';
import { isWritten, locate, startOf } from './locate.ts';
import { type ParsedYaml, type Position, parseYaml } from './parse-yaml.ts';
import { readManifest } from './read-manifest.ts';
import { makeReader, type ReadSource } from './reader.ts';

/** A problem and where in the text it is. Lines and columns count from 1. */
export interface ManifestProblem extends Problem, Position {
  readonly file: string;
}

/** A resource read from a text. */
export interface ManifestDocument {
  readonly resource: Resource;
  readonly kind: Kind;
  readonly name: string;
  readonly file: string;
  /**
   * Where a field such as `spec.match[0].path.prefix` is written; where it is not, what is written around it. Undefined where the
   * text is no field path.
   */
  positionOf(field: string): Position | undefined;
  /** The line of {@link positionOf}. */
  lineOf(field: string): number | undefined;
}

/**
 * A resource of which something could not be read, which its problems say. It is there to find what else is wrong with it and is never
 * applied.
 */
export interface PartialManifest extends ManifestDocument {
  /** Whether a problem found in the resource may come only from what could not be read. */
  isDoubtful(problem: Pick<Problem, 'field' | 'message' | 'remedy'>): boolean;
}

export interface ParseOptions {
  /** The text's name in problems. */
  readonly file: string;
  /** Unset: `{file:}` and `{env:}` are refused. */
  readonly readSource?: ReadSource;
}

/** What a text holds: the resources that could be read, and everything wrong with the others as far as the text shows it. */
export interface ParsedManifests {
  readonly documents: readonly ManifestDocument[];
  /** Those with problems that have a kind, a name and a spec all the same. */
  readonly partial: readonly PartialManifest[];
  /** In the order of the text. */
  readonly problems: readonly ManifestProblem[];
}

/**
 * Reads the resources of a YAML text (JSON is YAML): documents separated by `---`, each one resource or a list of them. A resource
 * with anything wrong in it is not among the documents, but may be among the partial ones. Checked here is what can be seen from the
 * text alone: syntax, names, types and notation; ranges and references are the index's, whose problems {@link withoutFollowUps} sifts.
 */
export function parseManifests(text: string, options: ParseOptions): ParsedManifests {
  const yaml = parseYaml(text);
  const documents: ManifestDocument[] = [];
  const partial: PartialManifest[] = [];
  const problems: ManifestProblem[] = yaml.faults.map(({ offset, message }) => ({
    severity: 'error',
    kind: '',
    name: '',
    field: '',
    message,
    file: options.file,
    ...yaml.positionAt(offset),
  }));
  const lines = new Map<string, number>();
  for (const { document, root } of yaml.documents.flatMap(listManifests)) {
    const read = readDocument(document, root, yaml, options);
    problems.push(...read.problems);
    const manifest = read.whole ?? read.partial;
    if (manifest === undefined) continue;
    const key = `${manifest.kind}/${manifest.name}`;
    const earlier = lines.get(key);
    if (earlier === undefined) {
      lines.set(key, manifest.lineOf('')!);
      if (read.whole !== undefined) documents.push(read.whole);
      else partial.push(read.partial!);
    } else problems.push(repeated(manifest, earlier));
  }
  return { documents, partial, problems: problems.sort((a, b) => a.line - b.line || a.column - b.column) };
}

interface ReadDocument {
  readonly whole?: ManifestDocument;
  readonly partial?: PartialManifest;
  readonly problems: readonly ManifestProblem[];
}

/** Where each resource of a document begins. */
function listManifests(document: Document.Parsed): { document: Document.Parsed; root: Node }[] {
  const { contents } = document;
  if (contents === null || isEmpty(document)) return [];
  const roots = isSeq<Node>(contents) ? contents.items : [contents];
  return roots.map((root) => ({ document, root }));
}

function readDocument(
  document: Document.Parsed,
  root: Node,
  { positionAt }: ParsedYaml,
  options: ParseOptions,
): ReadDocument {
  const { file, readSource } = options;
  const found: Omit<ManifestProblem, 'kind' | 'name'>[] = [];
  const reader = makeReader(
    document,
    (node, field, message, remedy) => {
      const at = positionAt(startOf(node) ?? startOf(root) ?? 0);
      found.push({ severity: 'error', field, message, ...(remedy === undefined ? {} : { remedy }), file, ...at });
    },
    readSource,
  );
  const { kind, name, resource } = readManifest(reader, root);
  const problems = found.map((problem) => ({ ...problem, kind, name }));
  if (resource === undefined) return { problems };
  const positionOf = (field: string) => {
    const offset = locate(root, field);
    return offset === undefined ? undefined : positionAt(offset);
  };
  const lineOf = (field: string) => positionOf(field)?.line;
  const whole = { resource, kind: kindOf(resource), name, file, positionOf, lineOf };
  if (problems.length === 0) return { whole, problems };
  return { partial: { ...whole, ...readableOf(resource, reader.gaps, (field) => isWritten(root, field)) }, problems };
}

function repeated({ kind, name, file, positionOf }: ManifestDocument, earlier: number): ManifestProblem {
  const message = `${kind} "${name}" is on line ${earlier} already`;
  return { severity: 'error', kind, name, field: '', message, remedy: 'keep one of them', file, ...positionOf('')! };
}

/** Nothing but comments between two `---`. */
function isEmpty({ contents }: Document.Parsed): boolean {
  return contents === null || ('value' in contents && contents.value === null && contents.source === '');
}
