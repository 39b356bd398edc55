import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compileSnapshot } from '../config/config-index.ts';
import type { Problem } from '../config/problem.ts';
import { withoutFollowUps } from './follow-ups.ts';
import { type ManifestDocument, type ManifestProblem, parseManifests } from './parse-manifests.ts';

/**
 * Each golden is manifests, then what is wrong with them: by the text alone, and by compiling what could be read. The expected part
 * is written by running with UPDATE_GOLDENS=1; its diff is the review.
 */
const folder = join(import.meta.dirname, 'testdata', 'goldens');
const SEPARATOR = '\n=== problems\n';

describe('what is wrong with manifests', () => {
  const names = readdirSync(folder).filter((name) => name.endsWith('.golden'));

  test.each(names)('%s', (name) => {
    const path = join(folder, name);
    const [input = '', expected = ''] = readFileSync(path, 'utf8').split(SEPARATOR);
    const actual = explain(input);
    if (process.env.UPDATE_GOLDENS === '1') writeFileSync(path, input + SEPARATOR + actual);
    else expect(actual).toBe(expected);
  });
});

function explain(text: string): string {
  const parsed = parseManifests(text, { file: 'in.yaml', readSource: readNothing });
  const readable = [...parsed.documents, ...parsed.partial];
  const { problems: compiled } = compileSnapshot(readable.map(({ resource }) => resource));
  return [...parsed.problems, ...withoutFollowUps(parsed, compiled).map((problem) => placeIn(readable, problem))]
    .sort((a, b) => a.line - b.line || a.column - b.column)
    .map(describeProblem)
    .join('');
}

function placeIn(documents: readonly ManifestDocument[], problem: Problem): ManifestProblem {
  const document = documents.find(({ kind, name }) => kind === problem.kind && name === problem.name);
  const position = document?.positionOf(problem.field);
  expect(position, `a position for ${JSON.stringify(problem)}`).toBeDefined();
  return { ...problem, file: 'in.yaml', ...position! };
}

function describeProblem({ line, column, severity, kind, name, field, message, remedy }: ManifestProblem): string {
  const subject = kind === '' ? '' : ` ${kind}/${name}`;
  return `${line}:${column} ${severity}${subject}${field === '' ? '' : ` ${field}`}: ${message}\n${remedy === undefined ? '' : `    ${remedy}\n`}`;
}

function readNothing(kind: string, reference: string): string {
  throw new Error(`there is no ${kind} ${reference}`);
}
