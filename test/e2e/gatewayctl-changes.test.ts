import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { makeTempDir, type TempDir } from '../harness/temp-dir.ts';

let plane: ControlPlane;
let folder: TempDir;
beforeAll(async () => {
  [plane, folder] = await Promise.all([startControlPlane(), makeTempDir('gatewayctl')]);
});
afterAll(async () => {
  await plane?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

const service = (name: string, label = '') =>
  `kind: Service\nname: ${name}\n${label === '' ? '' : `labels: { app: ${label} }\n`}spec: { endpoints: [{ address: 127.0.0.1:9000 }] }\n`;
const route = (name: string, to: string, more = '') =>
  `kind: Route\nname: ${name}\nspec:\n  match:\n    - path: { prefix: /${name} }\n  service: ${to}\n${more}`;
const files = async (entries: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, text] of Object.entries(entries)) {
    await mkdir(join(folder.path, name, '..'), { recursive: true });
    await writeFile(join(folder.path, name), text);
  }
};
/** Runs gatewayctl in the folder. */
const ctl = (...args: string[]) => plane.ctl(args, { cwd: folder.path });
const done = (stdout: string) => ({ code: 0, stdout, stderr: '' });
const failed = (stderr: string, code = 1) => ({ code, stdout: '', stderr });

describe('apply', () => {
  test('tries a change without making it, makes it, and makes no second one', async () => {
    await files({ 'base/a.yaml': service('a'), 'base/b/r.yaml': route('r', 'a') });
    const made = '+ created Service/a\n+ created Route/r\n';
    expect(await ctl('apply', '-f', 'base', '--dry-run')).toEqual(
      done(`${made}dry run: 2 created; nothing was changed\n`),
    );
    expect(await ctl('apply', '-f', 'base', '-m', 'the first')).toEqual(done(`${made}revision 1: 2 created\n`));
    expect(await ctl('apply', '-f', 'base')).toEqual(done('nothing to change; the revision is 1\n'));
    expect(await ctl('apply', '-f', 'base', '--wait')).toEqual(
      done('nothing to change; the revision is 1\nno node is connected\n'),
    );
  });

  test('reads several files and standard input as one change', async () => {
    await files({ 'c.yaml': service('c') });
    const answer = await plane.ctl(['apply', '-f', 'c.yaml', '-f', '-'], { cwd: folder.path, input: route('d', 'c') });
    expect(answer).toEqual(done('+ created Service/c\n+ created Route/d\nrevision 2: 2 created\n'));
  });

  test('says all that is wrong, in files that can be read and in those that cannot, and stores nothing', async () => {
    await files({
      'wrong/1.yaml': `${service('x')}---\n${route('y', 'nowhere', '  timeout: 5\n')}`,
      'wrong/2.yaml': `${route('z', 'y')}---\n${route('q', 'nowhere')}---\nkind: Servise\nname: k\nspec: {}\n`,
      'wrong/3.yaml': 'kind: Route\n  name: [\n',
      'wrong/4.yaml': service('x'),
    });
    const { code, stdout, stderr } = await ctl('apply', '-f', 'wrong');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.split('\n').filter((line) => line.startsWith('wrong/'))).toEqual([
      'wrong/1.yaml:10:3: error: Route y spec.service: there is no Service "nowhere"',
      'wrong/1.yaml:11:12: error: Route y spec.timeout: must be a duration such as 5s; a unit is missing in 5',
      'wrong/2.yaml:6:3: error: Route z spec.service: there is no Service "y"; "y" is a Route',
      'wrong/2.yaml:13:3: error: Route q spec.service: there is no Service "nowhere"',
      'wrong/2.yaml:15:7: error: Servise k kind: unknown kind "Servise"',
      expect.stringMatching(/^wrong\/3\.yaml:1:7: error: /),
      expect.stringMatching(/^wrong\/3\.yaml:3:1: error: /),
      'wrong/4.yaml:1:1: error: Service x: Service "x" is in wrong/1.yaml on line 1 already',
    ]);
    expect(await ctl('get', 'service', 'x')).toEqual(failed('Service "x" is not there\n'));
  });

  test('says all that is wrong with one resource, whatever of it can be read', async () => {
    const match = 'match: [{ path: { regex: "(a)\\\\1" } }, { path: { prefixx: /x } }]';
    const fields = `  ${match}\n  service: nowhere\n  timeout: 5 parsecs\n  mqtt: { topic: a }\n`;
    await files({ 'all.yaml': `kind: Route\nname: r\nspec:\n${fields}` });
    const everything = [
      'all.yaml:4:21: error: Route r spec.match[0].path.regex: has a backreference, which cannot be evaluated in linear time (near character 5)',
      'all.yaml:4:52: error: Route r spec.match[1].path.prefixx: unknown field "prefixx"',
      '  did you mean prefix?',
      'all.yaml:5:3: error: Route r spec.service: there is no Service "nowhere"',
      '  apply the Service first, or together with this',
      'all.yaml:6:12: error: Route r spec.timeout: "5 parsecs" is not a duration; write a whole number and a unit, as in 250ms, 5s, 1m, 2h or 30d',
      'all.yaml:7:3: error: Route r spec.mqtt: mqtt is not supported by this version',
      '  remove it; it would have no effect',
      '',
    ];
    for (const command of ['validate', 'diff', 'apply']) {
      const { code, stderr } = await ctl(command, '-f', 'all.yaml');
      expect({ command, code, lines: stderr.split('\n') }).toEqual({ command, code: 1, lines: everything });
    }
  });

  test('treats a warning as one, unless it is strict', async () => {
    const hidden = route('hidden', 'a').replace('/hidden', '/r/below').replace('spec:', 'spec:\n  priority: -1');
    await files({ 'hidden.yaml': hidden });
    const warning = /^hidden\.yaml:\d+:\d+: (warning|error): Route hidden .*\n/;
    const tried = await ctl('apply', '-f', 'hidden.yaml', '--dry-run');
    expect(tried).toMatchObject({ code: 0, stderr: expect.stringMatching(warning) });
    const strict = await ctl('apply', '-f', 'hidden.yaml', '--strict');
    expect(strict).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(warning) });
  });

  test('refuses where another revision is current than the one expected', async () => {
    await files({ 'e.yaml': service('e') });
    expect(await ctl('apply', '-f', 'e.yaml', '--expect-revision', '1')).toEqual(
      failed('the current revision is 2, and 1 was expected\n'),
    );
    expect(await ctl('apply', '-f', 'e.yaml', '--expect-revision', '2')).toMatchObject({ code: 0 });
  });

  test('prunes what has the label and is not in the files, and nothing else', async () => {
    await plane.apply(['p1', 'p2'].map((name) => service(name, 'shop')).join('---\n'));
    await files({ 'p.yaml': service('p1', 'shop') });
    const change = '- deleted Service/p2\n';
    expect(await ctl('apply', '-f', 'p.yaml', '--prune', '--label', 'app=shop', '--dry-run')).toEqual(
      done(`${change}dry run: 1 deleted; nothing was changed\n`),
    );
    expect(await ctl('diff', '-f', 'p.yaml', '--prune', '--label', 'app=shop')).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/^- deleted Service\/p2\n {4}- kind: Service\n/),
    });
    // Nobody to ask: the command line has said it.
    expect(await ctl('apply', '-f', 'p.yaml', '--prune', '--label', 'app=shop')).toEqual(
      done(`${change}revision 5: 1 deleted\n`),
    );
  });

  test('does not prune what is still referred to', async () => {
    await plane.apply(`${service('used', 'used')}---\n${route('user', 'used')}`);
    await files({ 'other.yaml': service('other', 'used') });
    const refused = await ctl('apply', '-f', 'other.yaml', '--prune', '--label', 'app=used');
    expect(refused).toEqual(
      failed(
        'error: Service used: cannot be removed: Route "user" (spec.service) still refers to it\n  change or remove those in the same change\n',
      ),
    );
  });

  test('of ten thousand resources is one change, and so are its undoing and deletion, which must be forced', async () => {
    await using many = await startControlPlane();
    const text = Array.from({ length: 10_000 }, (_, i) => service(`s${i}`, 'many')).join('---\n');
    await writeFile(join(folder.path, 'many.yaml'), text);
    const stdout = await many.ctlOk(['apply', '-f', join(folder.path, 'many.yaml')]);
    expect(stdout).toMatch(/\nrevision 1: 10000 created\n$/);
    await many.apply(service('more'));
    expect(await many.ctl(['delete', '-f', join(folder.path, 'many.yaml')])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/deletes 10000 of 10001 resources; force it if that is meant/),
    });
    const deleted = await many.ctlOk(['delete', '--force', '-f', join(folder.path, 'many.yaml')]);
    expect(deleted).toMatch(/\nrevision 3: 10000 deleted\n$/);
    expect(await many.ctlOk(['get', 'all'])).toMatch(/^KIND .*\nService +more +2\n$/);
    expect(await many.ctlOk(['rollback', '2'])).toMatch(/\nrevision 4, as revision 2 was: 10000 created\n$/);
    expect((await many.ctlOk(['get', 'services', '-l', 'app=many'])).split('\n')).toHaveLength(10_002);
  });
});

describe('diff', () => {
  test('has the exit code 0 without differences, 3 with, 1 where the change would be refused', async () => {
    await files({ 'diff.yaml': route('r', 'a', '  timeout: 5s\n').replace('/r', '/other') });
    expect(await ctl('diff', '-f', 'base')).toEqual(done(''));
    expect(await ctl('diff', '-f', 'diff.yaml')).toEqual({
      code: 3,
      stdout: `~ updated Route/r
    spec.match[0].path.prefix:
      - /r
      + /other
    spec.timeout:
      + 5s
`,
      stderr: '',
    });
    await files({ 'new.yaml': service('new') });
    expect(await ctl('diff', '-f', 'new.yaml')).toEqual({
      code: 3,
      stdout: `+ created Service/new
    + kind: Service
    + name: new
    + spec:
    +   endpoints:
    +     - address: 127.0.0.1:9000
`,
      stderr: '',
    });
    await files({ 'dangling.yaml': route('r', 'nowhere') });
    expect(await ctl('diff', '-f', 'dangling.yaml')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^dangling\.yaml:6:3: error: Route r spec\.service: there is no Service "nowhere"\n/,
      ),
    });
  });
});

describe('validate', () => {
  const offline = (...args: string[]) => plane.ctl(args, { cwd: folder.path, server: 'http://127.0.0.1:1' });

  test('checks files with no control plane', async () => {
    expect(await offline('validate', '-f', 'base')).toEqual(done('2 resources are valid\n'));
    expect(await offline('validate', '-f', 'c.yaml')).toEqual(done('1 resource is valid\n'));
    const dangling = await offline('validate', '-f', 'dangling.yaml');
    expect(dangling).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^dangling\.yaml:6:3: error/),
    });
  });

  test('finds what apply finds', async () => {
    const places = (text: string) => text.split('\n').filter((line) => line.startsWith('wrong/'));
    const own = places((await offline('validate', '-f', 'wrong')).stderr);
    expect(own).toHaveLength(8);
    expect(places((await ctl('apply', '-f', 'wrong')).stderr)).toEqual(own);
  });

  test('takes a warning for an error where it is strict', async () => {
    await files({ 'strict/all.yaml': `${service('a')}---\n${route('r', 'a')}`, 'strict/hidden.yaml': '' });
    const hidden = route('hidden', 'a').replace('/hidden', '/r/below').replace('spec:', 'spec:\n  priority: -1');
    await files({ 'strict/hidden.yaml': hidden });
    expect((await offline('validate', '-f', 'strict')).code).toBe(0);
    expect((await offline('validate', '-f', 'strict', '--strict')).code).toBe(1);
  });
});

describe('delete', () => {
  test('takes out one resource, or what files name', async () => {
    expect(await ctl('delete', 'route', 'd', '--dry-run')).toEqual(
      done('- deleted Route/d\ndry run: 1 deleted; nothing was changed\n'),
    );
    expect(await ctl('delete', 'route', 'd', '-m', 'no use')).toEqual(
      done('- deleted Route/d\nrevision 7: 1 deleted\n'),
    );
    expect(await ctl('delete', '-f', 'c.yaml')).toMatchObject({
      code: 0,
      stdout: '- deleted Service/c\nrevision 8: 1 deleted\n',
    });
  });

  test('says what is not there, and what cannot go', async () => {
    expect(await ctl('delete', 'route', 'nope')).toEqual(failed('Route "nope" is not there\n'));
    expect(await ctl('delete', 'service', 'a')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^error: Service a: cannot be removed: Route "r" \(spec\.service\) still refers to it/,
      ),
    });
  });
});

describe('history', () => {
  test('shows revisions, the newest first, and each with what it changed', async () => {
    const lines = (await plane.ctlOk(['history', '-n', '2']))
      .split('\n')
      .map((line) => line.replace(/\d{4}-\S+Z/, 'TIME'));
    expect(lines).toEqual([
      expect.stringMatching(/^REVISION {2}TIME +AUTHOR +CREATED {2}UPDATED {2}DELETED {2}MESSAGE$/),
      '8         TIME  anonymous  0        0        1        -',
      '7         TIME  anonymous  0        0        1        no use',
      '',
    ]);
    const shown = await plane.ctlOk(['show-revision', '7']);
    expect(shown.replace(/\d{4}-\S+Z/, 'TIME')).toBe(`revision 7, TIME, by anonymous
no use

- deleted Route/d
    - kind: Route
    - name: d
    - spec:
    -   match:
    -     - path:
    -         prefix: /d
    -   service: c
`);
    const value = JSON.parse(await plane.ctlOk(['show-revision', '1', '-o', 'json']));
    expect(value).toMatchObject({
      revision: 1,
      message: 'the first',
      created: 2,
      changes: [
        { kind: 'Route', name: 'r', change: 'created', after: { kind: 'Route', name: 'r' } },
        { kind: 'Service', name: 'a', change: 'created', after: { kind: 'Service', name: 'a' } },
      ],
    });
  });

  test('goes back by one more revision', async () => {
    const back = await plane.ctlOk(['rollback', '7']);
    expect(back).toBe('+ created Service/c\nrevision 9, as revision 7 was: 1 created\n');
    expect(await ctl('rollback', '9')).toEqual(done('nothing to change; the revision is 9\n'));
    expect(await ctl('rollback', '99')).toEqual(failed('there is no revision 99: the current one is 9\n'));
    expect(await ctl('show-revision', '99')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/99/),
    });
    expect(JSON.parse(await plane.ctlOk(['history', '-n', '1', '-o', 'json']))).toMatchObject([
      { revision: 9, rollbackOf: 7 },
    ]);
  });

  test('gives each resource as it was', async () => {
    expect(await plane.ctlOk(['get', 'route', 'd', '--revision', '2', '-o', 'json'])).toMatch(/"name": "d"/);
    expect(await ctl('get', 'route', 'd')).toMatchObject({ code: 1 });
    expect(await plane.ctlOk(['export', '--revision', '1'])).toBe(
      'kind: Service\nname: a\nspec:\n  endpoints:\n    - address: 127.0.0.1:9000\n---\nkind: Route\nname: r\nspec:\n  match:\n    - path:\n        prefix: /r\n  service: a\n',
    );
  });
});
