import { expect, test } from 'vitest';
import { parseManifests } from '../../manifest/parse-manifests.ts';
import { compileSnapshot } from '../config-index.ts';

const MOST = 64;

function routes(count: number, name: string, hosts: readonly string[]) {
  const manifests = Array.from({ length: count }, (_, i) => ({
    kind: 'Route',
    name: `${name}-${String(i).padStart(2, '0')}`,
    spec: { hosts, match: [{ path: { regex: `/${name}/${i}/.*` } }], respond: { status: 204 } },
  }));
  const { documents, problems } = parseManifests(manifests.map((each) => JSON.stringify(each)).join('\n---\n'), {
    file: '',
  });
  expect(problems).toEqual([]);
  return documents.map(({ resource }) => resource);
}

const said = (problems: ReturnType<typeof compileSnapshot>['problems']) =>
  problems.map(({ name, field, message }) => `${name} ${field}: ${message}`);

test('a host has as many regexes as can be tried one after the other, and no more', () => {
  const hosts = ['a.example', '*.b.example'];
  const { index, problems } = compileSnapshot(routes(MOST, 'r', hosts));
  expect(problems).toEqual([]);
  const more = routes(2, 'more', ['*.b.example']);
  expect(said(index.check({ upserts: more, removals: [] }).problems)).toEqual([
    'more-01 spec.match: 66 regex paths match at *.b.example; a host has at most 64',
  ]);
  expect(said(compileSnapshot(routes(MOST + 1, 'r', hosts)).problems)).toEqual(
    hosts.map((host) => `r-64 spec.match: 65 regex paths match at ${host}; a host has at most 64`),
  );
  expect(said(index.check({ upserts: more, removals: ['Route/r-00', 'Route/r-01'] }).problems)).toEqual([]);
  expect(said(index.check({ upserts: routes(1, 'else', []), removals: [] }).problems)).toEqual([]);
});
