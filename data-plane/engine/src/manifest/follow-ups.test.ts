import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Document, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml';
import { compileSnapshot } from '../config/config-index.ts';
import { keyOf } from '../config/kind.ts';
import { withoutFollowUps } from './follow-ups.ts';
import { parseManifests } from './parse-manifests.ts';

const path = join(import.meta.dirname, 'testdata', 'every-field.yaml');
const parse = (text: string) => parseManifests(text, { file: 'in.yaml', readSource: () => 'text'.repeat(20) });
const documents = parseAllDocuments(readFileSync(path, 'utf8')) as Document[];
const texts = documents.map(String);

test.each([
  ['a key that is no field', (document: Document, at: Place) => rename(document, at)],
  ['a value of the wrong type', (document: Document, at: Place) => document.setIn(at, Number.POSITIVE_INFINITY)],
])('manifests that are right but for %s have no other problem, wherever it is', { timeout: 120_000 }, (_, damage) => {
  const whole = texts.map((text) => parse(text).documents);
  const resources = whole.flat().map(({ resource }) => resource);
  const { index, problems } = compileSnapshot(resources, { unsupported: [] });
  expect(problems).toEqual([]);
  const found: string[] = [];
  let places = 0;
  for (const [i, original] of documents.entries()) {
    const keys = whole[i]!.map(({ resource }) => keyOf(resource));
    for (const at of placesOf(original)) {
      const document = original.clone();
      damage(document, at);
      const parsed = parse(String(document));
      if (parsed.problems.length === 0) continue;
      places++;
      const upserts = parsed.partial.map(({ resource }) => resource);
      const readable = new Set(parsed.partial.map(({ resource }) => keyOf(resource)));
      const removals = keys.filter((key) => !readable.has(key));
      const further = withoutFollowUps(parsed, index.check({ upserts, removals }).problems);
      for (const { field, message } of further) found.push(`${at.join('.')} leads to ${field}: ${message}`);
    }
  }
  expect(found).toEqual([]);
  expect(places).toBeGreaterThan(200);
});

type Place = readonly (string | number)[];

/** Every place below the kind and the name of a manifest. */
function placesOf(document: Document): Place[] {
  const places: Place[] = [];
  const visit = (at: Place) => {
    const node = document.getIn(at, true);
    if (at.length > 1 || at[0] === 'nodeGroups') places.push(at);
    if (isMap(node)) for (const { key } of node.items) if (isScalar(key)) visit([...at, key.value as string]);
    if (isSeq(node)) for (const i of node.items.keys()) visit([...at, i]);
  };
  visit([]);
  return places;
}

function rename(document: Document, at: Place): void {
  const parent = document.getIn(at.slice(0, -1), true);
  if (!isMap(parent)) return;
  const pair = parent.items.find(({ key }) => isScalar(key) && key.value === at.at(-1));
  if (isScalar(pair?.key)) pair.key.value = `${at.at(-1)}-x`;
}
