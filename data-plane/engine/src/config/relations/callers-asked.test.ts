import { expect, test } from 'vitest';
import { parseManifests } from '../../manifest/parse-manifests.ts';
import { compileSnapshot } from '../config-index.ts';
import type { Problem } from '../problem.ts';

function read(...manifests: readonly object[]) {
  const text = manifests.map((manifest) => JSON.stringify(manifest)).join('\n---\n');
  return parseManifests(text, { file: 'test' }).documents.map(({ resource }) => resource);
}

const policy = (name: string, spec: object) => ({ kind: 'Policy', name, spec });
const route = (spec: object) => ({
  kind: 'Route',
  name: 'r',
  spec: { match: [{ path: { prefix: '/' } }], respond: { status: 204 }, ...spec },
});
const issuer = {
  kind: 'Issuer',
  name: 'i',
  spec: { issuer: 'i', algorithms: ['HS256'], secret: { inline: 'x'.repeat(32) } },
};
const said = (problems: readonly Problem[]) =>
  problems.map(({ severity, kind, name, field, message }) => `${severity} ${kind}/${name} ${field}: ${message}`);

const GROUPS = { groups: { anyOf: ['staff'] } };
const CLAIMS = { claims: { tenant: ['acme'] } };
const KEY = { auth: { anyOf: [{ apiKey: {} }] } };
const TOKEN = { auth: { anyOf: [{ apiKey: {} }, { jwt: { issuers: ['i'] } }] } };
const NOBODY = 'refuses every request: authorization asks for groups of callers, and nothing finds out who calls';
const NO_TOKEN =
  'refuses every request: authorization asks for claims, which tokens have, and auth takes API keys alone';

test.each<[string, object, readonly object[], readonly string[]]>([
  ['of one whom nobody asks', { authorization: GROUPS }, [], [`spec.authorization: ${NOBODY}`]],
  ['of addresses alone', { authorization: { ip: { deny: ['10.0.0.0/8'] } } }, [], []],
  ['of one who is asked', { authorization: GROUPS, ...KEY }, [], []],
  ['of one whom a policy asks', { authorization: GROUPS, policies: ['p'] }, [KEY], []],
  ['of one whom a dry run asks', { authorization: GROUPS, policies: ['p'] }, [{ mode: 'dryRun', ...KEY }], []],
  ['by a dry run', { policies: ['p'] }, [{ mode: 'dryRun', authorization: GROUPS }], []],
  ['where a policy asks it', { policies: ['p'] }, [{ authorization: GROUPS }], [`spec.policies: ${NOBODY}`]],
  [
    'where auth is dropped',
    { policies: ['p'], none: ['auth'], authorization: GROUPS },
    [KEY],
    [`spec.authorization: ${NOBODY}`],
  ],
  ['where what asks is dropped', { policies: ['p'], none: ['authorization'] }, [{ authorization: GROUPS }], []],
  ['of claims that keys do not have', { authorization: CLAIMS, ...KEY }, [], [`spec.authorization: ${NO_TOKEN}`]],
  ['of claims that tokens may have', { authorization: CLAIMS, ...TOKEN }, [], []],
])('more than an address %s', (_, spec, policies, expected) => {
  const { problems } = compileSnapshot(read(issuer, route(spec), ...policies.map((each) => policy('p', each))));
  expect(said(problems)).toEqual(expected.map((text) => `warning Route/r ${text}`));
});

test('is warned of when a policy changes that routes take', () => {
  const taking = route({ policies: ['p'], authorization: GROUPS });
  const { index, problems } = compileSnapshot(read(issuer, taking, policy('p', KEY)));
  expect(problems).toEqual([]);
  const check = (spec: object) => said(index.check({ upserts: read(policy('p', spec)), removals: [] }).problems);
  expect(check({ timeout: '2s' })).toEqual([`warning Route/r spec.authorization: ${NOBODY}`]);
  expect(check({ ...KEY, timeout: '2s' })).toEqual([]);
});
