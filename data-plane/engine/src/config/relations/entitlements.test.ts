import { expect, test } from 'vitest';
import { parseManifests } from '../../manifest/parse-manifests.ts';
import { compileSnapshot } from '../config-index.ts';
import type { Problem } from '../problem.ts';

function read(...manifests: readonly object[]) {
  const text = manifests.map((manifest) => JSON.stringify(manifest)).join('\n---\n');
  return parseManifests(text, { file: 'test' }).documents.map(({ resource }) => resource);
}

const asks = (authorization: object) => ({ kind: 'Policy', name: 'p', spec: { authorization } });
const has = (spec: object, name = 'c') => ({ kind: 'Consumer', name, spec });
const issuer = {
  kind: 'Issuer',
  name: 'i',
  spec: { issuer: 'i', algorithms: ['HS256'], secret: { inline: 'x'.repeat(32) } },
};
const said = (problems: readonly Problem[]) => problems.map(({ field, message }) => `${field}: ${message}`);

test.each([
  [{ scopes: { allOf: ['read', 'write'] } }, ['allOf[1]: nobody can have the scope "write"']],
  [{ scopes: { anyOf: ['write', 'read'] } }, []],
  [{ scopes: { anyOf: ['write', 'other'] } }, ['anyOf: nobody can have any of these scopes']],
])('a scope that nobody can have is refused: %j', (authorization, expected) => {
  const { problems } = compileSnapshot(read(asks(authorization), has({ scopes: ['read'] })));
  expect(said(problems)).toEqual(expected.map((text) => `spec.authorization.scopes.${text}`));
  expect(compileSnapshot(read(asks(authorization), issuer)).problems).toEqual([]);
});

test('the last who has a group, or the last issuer, cannot be taken away from who asks for it', () => {
  const { index, problems } = compileSnapshot(read(asks({ groups: { allOf: ['staff'] } }), has({ groups: ['staff'] })));
  expect(problems).toEqual([]);
  const message = ['spec.authorization.groups.allOf[0]: nobody can have the group "staff"'];
  expect(said(index.check({ upserts: read(has({})), removals: [] }).problems)).toEqual(message);
  expect(
    said(index.check({ upserts: read(has({ groups: ['staff'] }, 'd')), removals: ['Consumer/c'] }).problems),
  ).toEqual([]);
  index.commit(index.check({ upserts: read(issuer), removals: ['Consumer/c'] }));
  expect(said(index.check({ upserts: [], removals: ['Issuer/i'] }).problems)).toEqual(message);
});
