import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { freePort } from '../harness/free-port.ts';
import { gatewayctl } from '../harness/gatewayctl.ts';
import { type Node, startNode } from '../harness/node.ts';
import { root, startProcess } from '../harness/process.ts';
import { waitFor, within } from '../harness/wait-for.ts';

const MANIFEST = `
kind: Service
name: users
labels: { team: identity }
spec: { endpoints: [{ address: 127.0.0.1:9 }], circuitBreaker: {}, timeout: 4s }
---
kind: Policy
name: public
spec:
  auth: { anyOf: [{ apiKey: { header: x-api-key } }] }
  rateLimits: [{ name: each, by: [consumer], tokenBucket: { requests: 100, per: 1m } }]
---
kind: Route
name: users-v1
labels: { team: identity, tier: "1" }
spec:
  hosts: [api.example.com]
  match: [{ path: { prefix: /v1/users }, methods: [GET, POST] }, { path: { exact: /me } }]
  service: users
  policies: [public]
---
kind: Consumer
name: app
spec: { owner: "evil \\e[2J\\x9b31m team" }
`;

let plane: ControlPlane;
let node: Node;
let context: { readonly env: { SLUICE_CONTEXT_FILE: string; HOME: string } };

beforeAll(async () => {
  plane = await startControlPlane({ auth: 'generated' });
  // As a person: no flags, only what the control plane wrote.
  context = { env: { SLUICE_CONTEXT_FILE: plane.contextFile, HOME: plane.home } };
  const token = /token: (\S+)/.exec(await readFile(plane.contextFile, 'utf8'))![1]!;
  expect(await ctl('apply', '-f', '-', MANIFEST)).toMatchObject({ code: 0 });
  node = await startNode({ controlPlane: plane.url, id: 'n1', token });
});
afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  await plane?.[Symbol.asyncDispose]();
});

/** The last argument is standard input where it has several lines. */
function ctl(...args: string[]) {
  const input = args.at(-1)?.includes('\n') ? args.pop()! : '';
  return gatewayctl(args, { ...context, input });
}
async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ctl(...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}
const failure = (stderr: string, code = 1) => ({ code, stdout: '', stderr });

describe('the context file that the control plane wrote', () => {
  test('is for its owner alone and leads gatewayctl to it, without showing the token', async () => {
    expect((await stat(plane.contextFile)).mode & 0o777).toBe(0o600);
    expect(await ok('context')).toBe(
      `CURRENT  NAME   SERVER                  TOKEN\n*        local  ${plane.url}  yes\n`,
    );
    expect(JSON.parse(await ok('context', 'list', '-o', 'json'))).toEqual([
      { name: 'local', server: plane.url, hasToken: true, current: true },
    ]);
  });

  test('may be changed with gatewayctl, and the token stays with its server', async () => {
    const path = join(plane.home, 'mine.yaml');
    await writeFile(path, await readFile(plane.contextFile));
    const mine = (...args: string[]) => gatewayctl(args, { env: { ...context.env, SLUICE_CONTEXT_FILE: path } });
    const other = `http://127.0.0.1:${await freePort()}`;
    expect(await mine('context', 'set', 'other', '--server', other)).toMatchObject({ code: 0 });
    expect(await mine('context', 'use', 'other')).toMatchObject({ code: 0, stdout: 'other is the current context\n' });
    expect(await mine('get', 'routes')).toEqual(
      failure(`cannot reach a control plane at ${other}: nothing listens there\n`),
    );
    expect(await mine('get', 'routes', '--context', 'local')).toMatchObject({ code: 0 });
    expect(await mine('get', 'routes', '--server', plane.url)).toMatchObject({ code: 0 });
    expect(await mine('context', 'delete', 'other')).toMatchObject({ code: 0, stdout: 'other is forgotten\n' });
    expect(await mine('get', 'routes')).toEqual(
      failure(`${path} has no current context; choose one with: gatewayctl context use NAME\n`, 2),
    );
    expect(await mine('context', 'use', 'gone')).toEqual(failure(`there is no context gone in ${path}\n`));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await writeFile(path, 'contexts: [');
    expect(await mine('get', 'routes')).toMatchObject(
      failure(expect.stringMatching(/^the context file .*mine\.yaml is no YAML: line 1: [^\n]*\n$/)),
    );
  });
});

describe('get', () => {
  test('lists a kind, whatever way it is written, or all', async () => {
    const [routes, same, services, all] = await Promise.all([
      ok('get', 'routes'),
      ok('get', 'Route'),
      ok('get', 'service', 'users'),
      ok('get', 'all', '-o', 'wide'),
    ]);
    expect(routes).toBe(
      `NAME      HOSTS            MATCH                          SERVICE  POLICIES  REVISION
users-v1  api.example.com  GET,POST /v1/users/* | /me  users    public    1
`.replace('MATCH                          ', 'MATCH                       '),
    );
    expect(same).toBe(routes);
    expect(services).toBe('NAME   ENDPOINTS    BREAKER  REVISION\nusers  127.0.0.1:9  yes      1\n');
    expect(all).toBe(
      `KIND      NAME      REVISION  LABELS                NODE GROUPS
Consumer  app       1         -                     all
Policy    public    1         -                     all
Route     users-v1  1         team=identity,tier=1  all
Service   users     1         team=identity         all
`,
    );
  });

  test('selects by label', async () => {
    const [both, one, none] = await Promise.all([
      ok('get', 'all', '-l', 'team=identity', '-o', 'json'),
      ok('get', 'routes', '-l', 'tier=1', '-o', 'yaml'),
      ok('get', 'routes', '-l', 'tier=2', '-o', 'json'),
    ]);
    expect(JSON.parse(both)).toMatchObject([{ kind: 'Route' }, { kind: 'Service' }]);
    expect(one).toMatch(/^kind: Route\nname: users-v1\nlabels:\n {2}team: identity\n {2}tier: "1"\n/);
    expect(none).toBe('[]\n');
  });

  test('shows what holds for a route, and who says so', async () => {
    const rows = (await ok('get', 'route', 'users-v1', '--effective')).trim().split('\n');
    const origins = Object.fromEntries(rows.slice(1).map((row) => [row.split(' ')[0], row.split('  ').at(-1)!.trim()]));
    expect(origins).toMatchObject({
      service: 'Route/users-v1',
      auth: 'Policy/public',
      rateLimits: 'Policy/public',
      timeout: 'Service/users',
      streamIdleTimeout: 'default',
    });
    const exact = JSON.parse(await ok('get', 'route', 'users-v1', '--effective', '-o', 'json')) as object[];
    expect(exact).toContainEqual({ field: 'timeout', value: '4s', origin: 'Service/users' });
  });

  test.each([
    [['get', 'routs'], /argument 'kind'\. It is one of Listener, /],
    [['get', 'all', 'users'], /say which kind it is/],
    [['get', 'route', 'users-v1', '-l', 'a=b'], /--label is for lists/],
    [['get', 'services', '--effective'], /--effective is for one route/],
    [['get', 'services', '--revision', '1'], /gatewayctl export --revision N/],
    [['get', 'services', '-o', 'xml'], /It is one of table, wide, json, yaml\./],
  ])('%j is a wrong use', async (args, message) => {
    expect(await ctl(...args)).toMatchObject(failure(expect.stringMatching(message), 2));
  });
});

test('describe shows a resource and what has to do with it', async () => {
  const [service, consumer] = await Promise.all([
    ok('describe', 'service', 'users'),
    ok('describe', 'consumer', 'app'),
  ]);
  expect(service.replace(/\d{4}-\S+Z/, 'TIME')).toMatch(
    /^kind: Service\nname: users\n[\s\S]*\n\nchanged in revision 1, TIME, by bootstrap\nreferred to by Route\/users-v1\n/,
  );
  expect(consumer).toMatch(/\nno API keys\n$/);
  expect(await ctl('describe', 'service', 'nope')).toEqual(failure('Service "nope" is not there\n'));
});

describe('keys', () => {
  test('are made, listed, rotated and revoked; the secret is shown once and nowhere else', async () => {
    const made = await ctl('keys', 'create', 'ci', '--consumer', 'app', '--expires-at', '2099-01-01');
    expect(made).toMatchObject({ code: 0, stderr: 'key ci of app; its secret is shown this once\n' });
    const secret = made.stdout.trim();
    expect(secret).toMatch(/^slk_\w{30,}$/);
    const rotated = JSON.parse(await ok('keys', 'rotate', 'ci', '--grace', '1h', '-o', 'json')) as { secret: string };
    expect(rotated.secret).toMatch(/^slk_\w{30,}$/);
    expect(rotated.secret).not.toBe(secret);

    const shown = await Promise.all([
      ok('keys', 'list', '-o', 'yaml'),
      ok('keys', 'list', '-o', 'wide'),
      ok('keys', 'list', '--consumer', 'app', '-o', 'json'),
      ok('describe', 'consumer', 'app'),
      ok('export'),
      ok('history', '-o', 'json'),
      ok('nodes', 'n1', '-o', 'json'),
    ]);
    for (const text of shown) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(rotated.secret);
    }
    expect(JSON.parse(shown[2]!)).toMatchObject([
      { name: 'ci', consumer: 'app', enabled: true, expiresAt: '2099-01-01T00:00:00.000Z' },
    ]);
    expect(shown[3]).toMatch(/\nAPI keys: ci\n/);

    expect(await ok('keys', 'revoke', 'ci')).toBe('ci is revoked\n');
    expect(JSON.parse(await ok('keys', 'list', '-o', 'json'))).toEqual([]);
  });

  test('fail with a reason', async () => {
    const [consumer, name, nothing, both] = await Promise.all([
      ctl('keys', 'create', '--consumer', 'nobody'),
      ctl('keys', 'revoke', 'nope'),
      ctl('keys', 'create'),
      ctl('keys', 'create', '--consumer', 'app', '--expires-in', '1h', '--expires-at', '2099-01-01'),
    ]);
    expect(consumer).toMatchObject(failure(expect.stringMatching(/nobody/)));
    expect(name).toMatchObject(failure(expect.stringMatching(/nope/)));
    expect(nothing).toMatchObject(failure(expect.stringMatching(/--consumer <name>/), 2));
    expect(both).toEqual(failure('give one of --expires-in and --expires-at\n', 2));
  });
});

describe('nodes', () => {
  test('are shown with the revision that is active', async () => {
    const row = /^n1 {4}default {2}current {2}1 +\d+[sm]\S* +2\/2 +0 +\d+s$/;
    await waitFor('the node reports its workers', async () => row.test((await ok('nodes')).split('\n')[1]!));
    expect((await ok('nodes')).split('\n')[0]).toBe(
      'NODE  GROUP    STATE    REVISION  ACTIVE FOR  WORKERS  HELD  SEEN  REASON',
    );
    expect(JSON.parse(await ok('nodes', 'n1', '-o', 'json'))).toMatchObject({
      nodeId: 'n1',
      state: 'current',
      activeRevision: 1,
      workers: 2,
      held: [],
    });
    expect(JSON.parse(await ok('nodes', '--group', 'elsewhere', '-o', 'json'))).toEqual([]);
    expect(await ctl('nodes', 'nope')).toMatchObject(failure(expect.stringMatching(/nope/)));
    expect(await ctl('nodes', 'adopt', 'nope')).toMatchObject(failure(expect.stringMatching(/nope/)));
  });

  test('are waited for, and the answer says how long', async () => {
    const changed = MANIFEST.replace('timeout: 4s', 'timeout: 5s');
    expect(await ok('apply', '-f', '-', '--wait', changed)).toMatch(
      /^~ updated Service\/users\nrevision 2: 1 updated\nactive on 1 node after \d+ ms\n$/,
    );
    expect(await ok('rollback', '1', '--wait')).toMatch(/\nactive on 1 node after \d+ ms\n$/);
  });

  test('that do not get there in time fail the command, by name', async () => {
    node.pause();
    try {
      const changed = MANIFEST.replace('timeout: 4s', 'timeout: 6s');
      const { code, stdout, stderr } = await ctl('apply', '-f', '-', '--wait', '--timeout', '300ms', changed);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '~ updated Service/users\nrevision 4: 1 updated\n' });
      expect(stderr).toMatch(/^revision 4 is active on 0 of 1 node after 300ms; not on:\n {2}n1: at revision 3/);
    } finally {
      node.resume();
    }
    expect(await ok('apply', '-f', '-', '--wait', MANIFEST)).toMatch(/\nactive on 1 node after/);
  });

  test('have circuit breakers that are listed and closed', async () => {
    expect(await ok('breakers', 'reset', 'users')).toBe('closed on n1\n');
    expect(await ok('breakers', 'reset', 'users', '--node', 'n1')).toBe('closed on n1\n');
    const listed = await waitFor('the breaker is reported', async () => {
      const found = JSON.parse(await ok('breakers', 'list', 'users', '-o', 'json')) as object[];
      return found.length > 0 && found;
    });
    expect(listed).toMatchObject([{ service: 'users', nodeId: 'n1', state: 'closed', count: 0 }]);
    expect(await ctl('breakers', 'reset', 'users', '--node', 'nope')).toMatchObject({ code: 1 });
  });
});

describe('a control plane that cannot be used is said in one line', () => {
  const against = (server: string, ...more: string[]) =>
    gatewayctl(['get', 'routes', '--server', server, ...more], { env: context.env });

  test('not there, no such host, no address', async () => {
    const port = await freePort();
    const [refused, unknown, wrong] = await Promise.all([
      against(`http://127.0.0.1:${port}`),
      against('http://nowhere.invalid:7070'),
      against('127.0.0.1:7070/path'),
    ]);
    expect(refused).toEqual(
      failure(`cannot reach a control plane at http://127.0.0.1:${port}: nothing listens there\n`),
    );
    expect(unknown).toEqual(
      failure('cannot reach a control plane at http://nowhere.invalid:7070: there is no such host\n'),
    );
    expect(wrong).toEqual(failure('"127.0.0.1:7070/path" is no server address: write it as http://HOST:PORT\n', 2));
  });

  test('one that hangs', async () => {
    plane.pause();
    try {
      expect(await against(plane.url, '--request-timeout', '300ms')).toEqual(
        failure(`the control plane at ${plane.url} did not answer in time; what was asked for may still happen\n`),
      );
    } finally {
      plane.resume();
    }
  });

  test('another server', async () => {
    const server: Server = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      expect(await against(url)).toEqual(
        failure(`cannot reach a control plane at ${url}: what answers there is no control plane\n`),
      );
    } finally {
      server.close();
    }
  });

  test('a token that it does not know, or none, or one that cannot be', async () => {
    const none = { HOME: plane.home, SLUICE_CONTEXT_FILE: join(plane.home, 'none.yaml') };
    const [unknown, missing, impossible] = await Promise.all([
      against(plane.url, '--token', 'slt_not-this-one-at-all'),
      gatewayctl(['get', 'routes', '--server', plane.url], { env: none }),
      against(plane.url, '--token', 'slt secret\n'),
    ]);
    const hint = 'give one with --token or SLUICE_TOKEN, or use a context that has one\n';
    expect(unknown).toEqual(failure(`${plane.url} refuses: wrong token; ${hint}`));
    expect(missing).toMatchObject(failure(expect.stringContaining(hint)));
    expect(impossible).toMatchObject(failure(expect.not.stringContaining('secret'), 2));
  });
});

describe('the command line', () => {
  test('that is wrong has the exit code 2 and says what is', async () => {
    const [command, option, file, label, prune] = await Promise.all([
      ctl('aply'),
      ctl('apply', '-f', 'x', '--fail'),
      ctl('apply'),
      ctl('apply', '-f', 'x', '--prune'),
      ctl('apply', '-f', 'x', '--label', 'a=b'),
    ]);
    expect(command).toMatchObject(failure("error: unknown command 'aply'\n(Did you mean apply?)\n", 2));
    expect(option).toMatchObject({ code: 2, stderr: expect.stringMatching(/unknown option '--fail'/) });
    expect(file).toEqual(failure("error: required option '-f, --file <path>' not specified\n", 2));
    expect(label).toMatchObject(failure(expect.stringMatching(/--prune needs --label KEY=VALUE/), 2));
    expect(prune).toMatchObject(failure('--label goes with --prune\n', 2));
  });

  test('completes itself in three shells', async () => {
    const scripts = await Promise.all(['bash', 'zsh', 'fish'].map((shell) => ok('completion', shell)));
    for (const script of scripts) expect(script).toMatch(/gatewayctl/);
    expect(await ctl('completion', 'tcsh')).toMatchObject({ code: 2 });
    await using bash = await startProcess({ name: 'bash', program: 'bash', args: ['-n'], input: scripts[0]! });
    expect(await within('bash reads the script', bash.exited)).toEqual({ code: 0, signal: null });
    expect(await ok('complete', '--', 'rollb')).toMatch(/^rollback\t/);
  });

  test('explains itself', async () => {
    const [help, apply, version] = await Promise.all([ok('--help'), ok('apply', '--help'), ok('--version')]);
    expect(help).toMatch(/Exit codes: 0 done, 1 failed, 2 bad usage, 3 differences/);
    expect(apply).toMatch(/Where there is nobody to ask, as in a pipeline, it deletes/);
    expect(version).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('ends quietly where nobody reads on', async () => {
    const program = join(root, 'cli', 'bin', 'gatewayctl.js');
    await using shell = await startProcess({
      name: 'a closed pipe',
      program: 'bash',
      args: [
        '-c',
        'set -o pipefail; "$0" "$1" export | (exec 0<&-; true); echo "exit code $?"',
        process.execPath,
        program,
      ],
      env: { ...context.env, NO_COLOR: '1' },
    });
    await within('the pipe ends', shell.exited);
    expect(shell.output()).toBe('exit code 0\n');
  });
});
