import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadManifests, loadValidManifests } from './load-manifests.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-manifests-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const group = (name: string) => `kind: NodeGroup\nname: ${name}\nspec: {}\n`;
const write = (name: string, text: string | Uint8Array): string => {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
};
const load = (...paths: string[]) => loadManifests(paths, { HELLO: 'from the environment' });
const names = async (...paths: string[]) => (await load(...paths)).documents.map(({ name }) => name);

describe('a folder', () => {
  test('is read with all below it, by name, but for what is hidden or no manifest', async () => {
    write('b.yaml', group('b'));
    write('a/x.yml', group('x'));
    write('a/y.json', '{"kind":"NodeGroup","name":"y","spec":{}}');
    write('.git/z.yaml', 'not: [read');
    write('notes.txt', 'not: [read');
    expect(await names(folder)).toEqual(['x', 'y', 'b']);
  });

  test('gives the files that links lead to, as a mounted ConfigMap has them', async () => {
    write('..data/a.yaml', group('a'));
    symlinkSync(join(folder, '..data', 'a.yaml'), join(folder, 'a.yaml'));
    expect(await names(folder)).toEqual(['a']);
  });

  test('may hold what its manifests take in', async () => {
    write('issuer.yaml', 'kind: Issuer\nname: corp\nspec: { issuer: a, keys: { file: ./keys.json } }\n');
    const keys = write('keys.json', '{"keys": []}');
    expect((await load(folder)).problems).toEqual([]);
    expect(new Set((await load(folder, keys)).problems.map(({ file }) => file))).toEqual(new Set([keys]));
  });

  test('without a manifest is said to have none', async () => {
    await expect(load(folder)).rejects.toThrow(/no manifests in .*: their names end in .yaml, .yml, .json/);
  });
});

test('the same path given twice is read once', async () => {
  const path = write('a.yaml', group('a'));
  expect(await names(path, path)).toEqual(['a']);
});

test('a resource in two files is a problem of the second, which names the first', async () => {
  const first = write('a.yaml', group('same'));
  const second = write('b.yaml', `${group('other')}---\n${group('same')}`);
  const { problems } = await load(first, second);
  expect(problems).toMatchObject([
    { file: second, line: 5, column: 1, message: `NodeGroup "same" is in ${first} on line 1 already` },
  ]);
});

test('a resource that cannot be read as a whole is kept apart, and once', async () => {
  const first = write('a.yaml', `${group('a')}---\nkind: NodeGroup\nname: b\nspec: { descripton: x }\n`);
  const second = write('b.yaml', group('b'));
  const { documents, partial, problems, placeOf } = await load(first, second);
  expect(documents.map(({ name }) => name)).toEqual(['a']);
  expect(partial.map(({ name }) => name)).toEqual(['b']);
  expect(problems.map(({ file, line }) => ({ file, line }))).toEqual([
    { file: first, line: 7 },
    { file: second, line: 1 },
  ]);
  expect(placeOf({ kind: 'NodeGroup', name: 'b', field: 'spec' })).toEqual({ file: first, line: 7, column: 1 });
});

test('problems found elsewhere are placed in the file, at the line of the field or what is around it', async () => {
  const first = write('a.yaml', group('a'));
  const second = write('b.yaml', 'kind: Route\nname: r\nspec:\n  match:\n    - path: { prefix: /a }\n  service: s\n');
  const { placeOf } = await load(first, second);
  const place = (name: string, field: string, kind = 'Route') => placeOf({ kind, name, field });
  expect(place('r', 'spec.service')).toEqual({ file: second, line: 6, column: 3 });
  expect(place('r', 'spec.match[0].path.prefix')).toEqual({ file: second, line: 5, column: 15 });
  expect(place('r', 'spec.timeout')).toEqual({ file: second, line: 3, column: 1 });
  expect(place('a', '', 'NodeGroup')).toEqual({ file: first, line: 1, column: 1 });
  expect(place('elsewhere', 'spec')).toBeUndefined();
});

test('files are found beside the manifest that names them, and variables in the environment', async () => {
  write('below/text.pem', 'from the file');
  const path = write(
    'below/a.yaml',
    'kind: Certificate\nname: c\nspec: { chain: { file: text.pem }, privateKey: { env: HELLO } }\n',
  );
  const { documents, problems } = await load(path);
  expect(problems).toEqual([]);
  expect(documents[0]!.resource.spec.value).toMatchObject({
    chain: { source: { value: 'from the file' } },
    privateKey: { source: { value: 'from the environment' } },
  });
});

test.each([
  ['{ file: nope.pem }', /cannot be read: .*nope\.pem/],
  ['{ env: NOPE }', /cannot be read: the environment variable NOPE is not set/],
])('%s that is not there is a problem at its line', async (source, message) => {
  const path = write('a.yaml', `kind: Certificate\nname: c\nspec:\n  chain: ${source}\n`);
  const { problems } = await load(path);
  expect(problems).toMatchObject([
    { kind: 'Certificate', name: 'c', line: 4, message: expect.stringMatching(message) },
  ]);
  await expect(loadValidManifests([path], {})).rejects.toThrow(`${path}:4:`);
});

test('a file that is not there, or no text, is said in one line', async () => {
  await expect(load(join(folder, 'nope.yaml'))).rejects.toThrow(/^cannot read .*nope\.yaml: ENOENT[^\n]*$/);
  const binary = write('a.yaml', new Uint8Array([0xff, 0xfe, 0x00]));
  await expect(load(binary)).rejects.toThrow(/^cannot read .*a\.yaml: it is not UTF-8 text$/);
});
