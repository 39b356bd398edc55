import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { encodeResource } from '../config/encode.ts';
import { parseManifests } from '../manifest/parse-manifests.ts';
import { buildItem } from './built-item.ts';
import { CannotBuild } from './cannot-build.ts';

/**
 * What a node of the group eu and the zone a makes of each resource, or why it cannot: what apply refuses a node holds, too. Manifests,
 * then what they are built to; the second part is written by running with UPDATE_GOLDENS=1, and its diff is the review.
 */
const golden = join(import.meta.dirname, 'testdata', 'plans.golden');
const SEPARATOR = '\n=== built\n';

test('each field of the configuration stands in what is built of it, in its unit and with its default', () => {
  const [input = '', expected = ''] = readFileSync(golden, 'utf8').split(SEPARATOR);
  const { documents, problems } = parseManifests(input, { file: 'in.yaml' });
  expect(problems).toEqual([]);
  const built = documents.map(({ kind, name, resource }) => {
    const plan = buildItem(
      { kind, name, content: encodeResource(resource) },
      { group: 'eu', zone: 'a', slots: { route: slot, service: slot, endpoint: slot, limit: slot, policy: slot } },
    );
    return `${kind}/${name}: ${plan instanceof CannotBuild ? `cannot be built: ${plan.message}` : show(plan)}`;
  });
  const actual = `${built.join('\n')}\n`;
  if (process.env.UPDATE_GOLDENS === '1') writeFileSync(golden, input + SEPARATOR + actual);
  else expect(actual).toBe(expected);
});

/** Slots are the main thread's to give: here they are what they are for. */
function slot(...names: readonly string[]): number {
  return names.join(' ').length;
}

/** Leaves out what is not set. */
function show(value: unknown): string {
  return inspect(JSON.parse(JSON.stringify(value, shown)), { depth: null, breakLength: 140, compact: 8 });
}

/** What is no data is named. */
function shown(key: string, part: unknown): unknown {
  if (typeof part === 'function') return '(function)';
  if (part === Number.POSITIVE_INFINITY) return '(for ever)';
  if (part instanceof Set) return [...part].map(String).join(' ');
  if (part instanceof Map) return Object.fromEntries(part as Map<string, unknown>);
  if (part instanceof Uint8Array) return Buffer.from(part).toString('latin1');
  if (key === 'table') return '(hashes)';
  return part;
}
