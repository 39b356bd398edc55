/** No secret can be read where it is not needed: searched for byte by byte in everything that a running system leaves behind. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { keyedRoute } from '../harness/keyed-route.ts';
import { type Node, startNode } from '../harness/node.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { findPostgres, startPostgres } from '../harness/postgres.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { hmacToken } from '../harness/token.ts';
import { waitFor } from '../harness/wait-for.ts';

/** Takes tokens of the issuer. */
const tokenRoute = `
---
kind: Route
name: t
spec: { match: [{ path: { prefix: /t } }], service: s, auth: { anyOf: [{ jwt: { issuers: [i] } }] } }
`;

/** `algorithm`: one that no secret is for is refused, and the secret must not stay behind in the refusal. */
const issuer = (name: string, secret: string, algorithm = 'HS256') => `
kind: Issuer
name: ${name}
spec:
  issuer: https://issuer.example
  audiences: [a]
  algorithms: [${algorithm}]
  secret: { inline: "${secret}" }
`;

const databases = findPostgres() === undefined ? ['embedded'] : ['embedded', 'postgres'];

describe.each(databases)('secrets, with the database %s', (kind) => {
  const stack = new AsyncDisposableStack();
  const planted: Record<string, string> = {
    password: `pw-${randomBytes(12).toString('hex')}`,
    refusedIssuer: `issuer-${randomBytes(24).toString('hex')}`,
    issuer: `issuer-${randomBytes(24).toString('hex')}`,
  };
  /** Everything that was left behind, by where it was found. */
  const traces: Record<string, Buffer> = {};
  let controlPlane: ControlPlane;
  let node: Node;
  let origin: Origin;
  let dump: () => Buffer;

  beforeAll(async () => {
    let database = 'embedded';
    if (kind === 'postgres') {
      const postgres = stack.use(await startPostgres({ settings: ['log_statement=none'] }));
      database = postgres.url.replace('postgres@', `postgres:${planted.password}@`);
      dump = () => execFileSync(join(findPostgres()!, 'pg_dump'), ['--dbname', postgres.url], { maxBuffer: 1 << 28 });
    } else {
      dump = () => readTree(join(controlPlane.dataDir, 'database'));
    }
    origin = stack.use(await startOrigin(() => ({ body: '{}' })));
    controlPlane = stack.use(await startControlPlane({ database, auth: 'token', args: ['--log-level', 'debug'] }));
    planted.token = controlPlane.token!;
    using admin = connectAdmin(controlPlane);
    await admin.apply(keyedRoute(origin.address));
    node = stack.use(
      await startNode({ controlPlane: controlPlane.url, token: planted.token, args: ['--log-level', 'debug'] }),
    );
  });

  afterAll(() => stack.disposeAsync());

  test('are shown once, and are nowhere afterwards', async () => {
    using admin = connectAdmin(controlPlane);
    planted.key = await admin.createKey('k1', 'c');
    planted.revoked = await admin.createKey('k2', 'c');
    const rotated = await admin.createKey('k3', 'c');
    planted.rotatedOld = rotated;
    planted.rotatedNew = (await admin.keys.rotateKey({ name: 'k3' })).secret;
    const made = await controlPlane.ctlOk(['keys', 'create', 'k4', '--consumer', 'c', '-o', 'json']);
    planted.fromCli = (JSON.parse(made) as { secret: string }).secret;
    expect(planted.fromCli).toMatch(/^\S{20,}$/);
    await admin.keys.revokeKey({ name: 'k2' });
    await waitFor('the keys are known', async () => (await statusOf(planted.fromCli!)) === 200);
    expect(await statusOf(planted.key)).toBe(200);
    expect(await statusOf(planted.revoked)).toBe(401);

    const refused = await controlPlane.ctl(['apply', '-f', '-'], {
      input: issuer('refused', planted.refusedIssuer!, 'RS256'),
    });
    expect(refused.code).toBe(1);
    expect(refused.stdout + refused.stderr).toContain('RS256 needs public keys');
    await controlPlane.ctlOk(['apply', '--wait', '-f', '-'], { input: issuer('i', planted.issuer!) + tokenRoute });
    const token = hmacToken(planted.issuer!, { iss: 'https://issuer.example', aud: 'a' });
    expect(await statusOf(`Bearer ${token}`, '/t', 'authorization')).toBe(200);
    const shown = await controlPlane.ctl(['diff', '-f', '-'], { input: issuer('i', `${planted.issuer}x`) });
    traces['gatewayctl diff'] = Buffer.from(shown.stdout + shown.stderr);
    traces['refused apply'] = Buffer.from(refused.stdout + refused.stderr);
    const wrong = await controlPlane.ctl(['get', 'route'], { env: { SLUICE_TOKEN: `${planted.token}x` } });
    expect(wrong.code).toBe(1);
    traces['refused token'] = Buffer.from(wrong.stdout + wrong.stderr);
    const shows = ['export', 'get issuer i -o yaml', 'keys list -o yaml', 'history -o json', 'nodes -o json'];
    for (const args of shows.map((show) => show.split(' ')))
      traces[`gatewayctl ${args.join(' ')}`] = Buffer.from(await controlPlane.ctlOk(args));
    for (const path of [
      '/__config',
      '/__routes',
      '/__limits',
      '/__metrics',
      '/__ready',
      '/__circuit',
      '/__endpoints',
      '/__version',
    ])
      traces[`node ${path}`] = Buffer.from((await node.admin(path)).body);
    await waitFor('the cache is written', () => readdirSync(node.cacheDir).some((name) => name.endsWith('.base')));
    await node.stop();
    await controlPlane.stop();
    traces['node log'] = Buffer.from(node.process().output());
    traces['control plane log'] = Buffer.from(controlPlane.process().output());
    traces['node cache'] = readTree(node.cacheDir);
    traces.database = dump();

    // What is searched does hold what it should.
    expect(traces.database.includes('k1')).toBe(true);
    expect(traces['node cache'].includes('k1')).toBe(true);
    for (const [name, secret] of Object.entries(planted)) {
      for (const [place, bytes] of Object.entries(traces)) {
        // A node that starts alone has to verify by it, and reads it from a file of its own.
        const isNeeded = name === 'issuer' && place === 'node cache';
        if (isNeeded) expect(bytes.includes(secret)).toBe(true);
        else for (const form of formsOf(secret)) expect(bytes.includes(form), `${name} in ${place}`).toBe(false);
      }
    }
  });

  test('files that hold what must be kept are for their owner alone', () => {
    const files = [controlPlane.dataDir, node.cacheDir].flatMap(listTree);
    expect(files.filter((path) => (statSync(path).mode & 0o077) !== 0 && !path.includes('/database/'))).toEqual([]);
    expect(statSync(join(controlPlane.dataDir, 'secret.key')).mode & 0o777).toBe(0o600);
  });

  async function statusOf(credential: string, target = '/r', header = 'x-api-key'): Promise<number> {
    await using client = await connectRaw(node.port);
    return (await client.request({ target, headers: { [header]: credential } })).status;
  }
});

/** How a secret could have been written down. Its hash is no secret; what it is made from is. */
function formsOf(secret: string): Buffer[] {
  const bytes = Buffer.from(secret);
  const base64 = bytes.toString('base64').replace(/=+$/, '').slice(0, -1);
  const forms = [secret, bytes.toString('hex'), base64, bytes.toString('base64url').slice(0, -1)];
  expect(forms).not.toContain(createHash('sha256').update(secret).digest('hex'));
  return forms.map((form) => Buffer.from(form));
}

function listTree(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function readTree(directory: string): Buffer {
  return Buffer.concat(listTree(directory).map((path) => readFileSync(path)));
}
