import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Document, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml';
import { compileSnapshot } from '../config/config-index.ts';
import { withoutFollowUps } from './follow-ups.ts';
import { parseManifests } from './parse-manifests.ts';

const path = join(import.meta.dirname, 'testdata', 'every-field.yaml');
const parse = (text: string) => parseManifests(text, { file: 'in.yaml', readSource: () => 'text'.repeat(20) });
const texts = parseAllDocuments(readFileSync(path, 'utf8')).map(String);

test.each([
  ['a key that is no field', (document: Document, at: Place) => rename(document, at)],
  ['a value of the wrong type', (document: Document, at: Place) => document.setIn(at, Number.POSITIVE_INFINITY)],
])('manifests that are right but for %s have no other problem, wherever it is', { timeout: 120_000 }, (_, damage) => {
  const whole = texts.map((text) => parse(text).documents);
  const found: string[] = [];
  let places = 0;
  texts.forEach((text, i) => {
    for (const at of placesOf(text)) {
      const [document] = parseAllDocuments(text) as Document[];
      damage(document!, at);
      const parsed = parse(String(document));
      if (parsed.problems.length === 0) continue;
      places++;
      const readable = [...whole.filter((_, other) => other !== i).flat(), ...parsed.partial];
      const resources = readable.map(({ resource }) => resource);
      const further = withoutFollowUps(parsed, compileSnapshot(resources, { unsupported: [] }).problems);
      for (const { field, message } of further) found.push(`${at.join('.')} leads to ${field}: ${message}`);
    }
  });
  expect(found).toEqual([]);
  expect(places).toBeGreaterThan(200);
});

type Place = readonly (string | number)[];

/** Every place below the kind and the name of a manifest. */
function placesOf(text: string): Place[] {
  const places: Place[] = [];
  const [document] = parseAllDocuments(text) as Document[];
  const visit = (at: Place) => {
    const node = document!.getIn(at, true);
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
