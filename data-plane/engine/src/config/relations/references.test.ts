import { expect, test } from 'vitest';
import { parseManifests } from '../../manifest/parse-manifests.ts';
import { compileSnapshot } from '../config-index.ts';

function read(...manifests: readonly object[]) {
  const { documents, problems } = parseManifests(manifests.map((each) => JSON.stringify(each)).join('\n---\n'), {
    file: '',
  });
  expect(problems).toEqual([]);
  return documents.map(({ resource }) => resource);
}

const service = { kind: 'Service', name: 'used', spec: { endpoints: [{ address: '10.0.0.1:80' }] } };
const route = (name: string, spec: object = { service: 'used' }) => ({
  ...{ kind: 'Route', name, spec: { match: [{ path: { prefix: `/${name}` } }], ...spec } },
});

test('what is referred to cannot be taken away: those who do are named, as many as can be read', () => {
  const names = Array.from({ length: 12 }, (_, i) => `r-${String(i).padStart(2, '0')}`);
  const { index, problems } = compileSnapshot(read(service, ...names.map((name) => route(name))));
  expect(problems).toEqual([]);
  const removed = (...routes: readonly string[]) =>
    index
      .check({ upserts: [], removals: ['Service/used', ...routes.map((name) => `Route/${name}` as const)] })
      .problems.map(({ kind, name, message }) => `${kind}/${name}: ${message}`);
  const shown = names.slice(0, 10).map((name) => `Route "${name}" (spec.service)`);
  expect(removed()).toEqual([`Service/used: cannot be removed: ${shown.join(', ')} and 2 more still refer to it`]);
  expect(removed(...names.slice(1))).toEqual([`Service/used: cannot be removed: ${shown[0]} still refers to it`]);
  expect(removed(...names)).toEqual([]);
});

test('a name that is nearly one is suggested, as often as that costs little', () => {
  const routes = Array.from({ length: 60 }, (_, i) => route(`r-${i}`, { service: 'usde' }));
  const { problems } = compileSnapshot(read(service, ...routes));
  const remedies = problems.map(({ remedy }) => remedy);
  expect(remedies.filter((remedy) => remedy === 'did you mean "used"?')).toHaveLength(50);
  expect(remedies.filter((remedy) => remedy?.startsWith('apply the Service first'))).toHaveLength(10);
});

test('a name of another kind is told to be one', () => {
  const { problems } = compileSnapshot(read(service, route('r', { service: 'used', policies: ['used'] })));
  expect(problems).toMatchObject([
    { field: 'spec.policies[0]', message: 'there is no Policy "used"; "used" is a Service' },
  ]);
});
