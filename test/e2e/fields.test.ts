/** Every field that is accepted is obeyed: changed alone, it changes what a client or an origin sees. */
import { spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { diffResources, supportedFields } from '@sluice/engine';
import { ProblemsSchema } from '@sluice/proto';
import { RpcError } from '@sluice/proto/grpc-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { type Admin, connectAdmin, readManifests } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { type DnsServer, startDnsServer } from '../harness/dns-server.ts';
import { freePort } from '../harness/free-port.ts';
import { type Node, startNode } from '../harness/node.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { waitFor } from '../harness/wait-for.ts';
import { authorizationCases } from './fields/authorization-cases.ts';
import { balancingCases } from './fields/balancing-cases.ts';
import { breakerCases } from './fields/breaker-cases.ts';
import { connectionCases } from './fields/connection-cases.ts';
import { discoveryCases } from './fields/discovery-cases.ts';
import { ask, type FieldCase, type World, type Written } from './fields/field-case.ts';
import { healthCases } from './fields/health-cases.ts';
import { issuerCases } from './fields/issuer-cases.ts';
import { keySetCases } from './fields/key-set-cases.ts';
import { limitCases } from './fields/limit-cases.ts';
import { listenerCases, resourceCases } from './fields/listener-cases.ts';
import { observabilityCases } from './fields/observability-cases.ts';
import { outlierCases } from './fields/outlier-cases.ts';
import { policyCases } from './fields/policy-cases.ts';
import { retryCases } from './fields/retry-cases.ts';
import { routeAnswerCases } from './fields/route-answer-cases.ts';
import { routeAuthCases } from './fields/route-auth-cases.ts';
import { routeCases } from './fields/route-cases.ts';
import { routeDestinationCases } from './fields/route-destination-cases.ts';
import { routeEditCases } from './fields/route-edit-cases.ts';
import { routeMatchCases } from './fields/route-match-cases.ts';
import { serviceCases } from './fields/service-cases.ts';

const cases = [
  ...resourceCases,
  ...routeCases,
  ...routeMatchCases,
  ...routeDestinationCases,
  ...routeEditCases,
  ...routeAnswerCases,
  ...routeAuthCases,
  ...policyCases,
  ...limitCases,
  ...observabilityCases,
  ...serviceCases,
  ...outlierCases,
  ...balancingCases,
  ...breakerCases,
  ...connectionCases,
  ...retryCases,
  ...discoveryCases,
  ...healthCases,
  ...listenerCases,
  ...issuerCases,
  ...keySetCases,
  ...authorizationCases,
];

/** Fields that are for people, or whose other values are not supported yet: what the admin API makes of them is their proof. */
const descriptive = [
  ...['Resource.name', 'Resource.labels', 'Consumer.owner', 'NodeGroup.description', 'Secret.unchanged'],
  // The first shows when keys are rotated, the others at apply and over hours: control-plane/src/tokens.
  ...['Signing.algorithm', 'Signing.rotate_every', 'Jwks.allow_http'],
];
const singleValued = {
  'Listener.protocol': { kind: 'Listener', name: 'x', spec: { address: '127.0.0.1:1', protocol: 'https' } },
  'Service.protocol': {
    kind: 'Service',
    name: 'x',
    spec: { endpoints: [{ address: '127.0.0.1:1' }], protocol: 'http2' },
  },
};

let controlPlane: ControlPlane;
let admin: Admin;
let node: Node;
let world: Omit<World, 'run' | 'expected'>;
let dns: DnsServer;
let deaf: { address: string; stop: () => void };
let logs: AsyncDisposable & { readonly path: string };

beforeAll(async () => {
  controlPlane = await startControlPlane();
  admin = connectAdmin(controlPlane);
  const [origin, other] = await Promise.all([startOrigin(), startOrigin()]);
  deaf = await startDeaf();
  const free = [await freePort(), await freePort()] as const;
  await admin.apply('kind: Consumer\nname: c\nspec: {}\n---\nkind: NodeGroup\nname: elsewhere\nspec: {}');
  const key = await admin.createKey('k', 'c');
  logs = await makeTempDir('logs');
  const accessLog = join(logs.path, 'access.log');
  // Nobody answers at that Redis: limits of the cluster do what they do while their store is away.
  dns = await startDnsServer();
  dns.reply = ({ name, type }) => {
    if (type === 'A') return { records: [{ type, ip: '127.0.0.1', ttl: 3600 }] };
    if (type !== 'SRV') return {};
    return { records: [{ type, target: 'a.test', port: (name === '_main._tcp.test' ? origin : other).port }] };
  };
  const redisPort = await freePort();
  const own = ['--redis', `redis://127.0.0.1:${redisPort}`, '--access-log', accessLog, '--dns-server', dns.address];
  node = await startNode({ controlPlane: controlPlane.url, args: ['--zone', 'here', ...own] });
  const { port } = node;
  const send: World['ask'] = ({ port: at = port, ...request } = {}) => ask(at, request);
  const metrics = async () => (await node.admin('/__metrics')).body;
  world = { redisPort, metrics, port, origin, other, admin, key, free, accessLog, dns, settled, ask: send };
});

afterAll(async () => {
  deaf.stop();
  await dns[Symbol.asyncDispose]();
  admin[Symbol.dispose]();
  await node[Symbol.asyncDispose]();
  await controlPlane[Symbol.asyncDispose]();
  await logs[Symbol.asyncDispose]();
  for (const origin of [world.origin, world.other] satisfies Origin[]) await origin[Symbol.asyncDispose]();
});

describe('every accepted field is obeyed', () => {
  test('each supported field names its proof', () => {
    const proven = new Set([...cases.flatMap(({ proves }) => proves), ...descriptive, ...Object.keys(singleValued)]);
    const fields = supportedFields().map((name) => name.replace('sluice.config.v1.', ''));
    expect(fields.filter((name) => !proven.has(name))).toEqual([]);
    expect([...proven].filter((name) => !fields.includes(name))).toEqual([]);
  });

  test.each(cases.map((each) => [each.proves.join(', '), each] as const))('%s', async (_, each) => {
    const [before, after] = [resourceOf(each.key, each.from), resourceOf(each.key, each.to)];
    // One, or the two cases of a oneof.
    expect(diffResources(before, after).length).toBeLessThanOrEqual(2);
    // No diff shows a secret.
    expect(diffResources(before, after).length > 0).toBe(each.isSecret !== true);
    expect(await observe(each, each.from, each.was)).toEqual(each.was);
    expect(await observe(each, each.to, each.is)).toEqual(each.is);
  });

  test.each(Object.entries(singleValued))('%s takes no other value yet, and says so', async (_, manifest) => {
    const error = await admin.apply(stringify(manifest)).catch((refusal: RpcError) => refusal);
    expect(error).toBeInstanceOf(RpcError);
    const [problem] = (error as RpcError).findDetails(ProblemsSchema).flatMap(({ problems }) => problems);
    expect(problem?.message).toContain('not supported by this version');
  });

  test('keys are fetched over http only where that is admitted', async () => {
    const issuer = (jwks: object) =>
      admin.apply(stringify({ kind: 'Issuer', name: 'fetched', spec: { issuer: 'i', algorithms: ['ES256'], jwks } }));
    const refusal = await issuer({ url: 'http://127.0.0.1:1/' }).catch((error: RpcError) => error);
    const [problem] = (refusal as RpcError).findDetails(ProblemsSchema).flatMap(({ problems }) => problems);
    expect(problem).toMatchObject({ field: 'spec.jwks.url', message: 'must be an https address' });
    await issuer({ url: 'http://127.0.0.1:1/', allowHttp: true });
  });

  test('what is for people comes back as it was written', async () => {
    await admin.apply('kind: Consumer\nname: shown\nlabels: { team: web }\nspec: { owner: somebody }');
    const { resource } = await admin.config.get({ ref: { kind: 'Consumer', name: 'shown' } });
    expect(resource?.resource).toMatchObject({
      name: 'shown',
      labels: { team: 'web' },
      spec: { value: { owner: 'somebody' } },
    });
    await admin.apply('kind: NodeGroup\nname: shown\nspec: { description: a region }');
    const group = await admin.config.get({ ref: { kind: 'NodeGroup', name: 'shown' } });
    expect(group.resource?.resource).toMatchObject({ name: 'shown', spec: { value: { description: 'a region' } } });
    await admin.apply(
      'kind: Issuer\nname: shown\nspec: { issuer: i, algorithms: [HS256], secret: { inline: hidden-hidden-hidden-hidden-hidden } }',
    );
    const issuer = (await admin.config.get({ ref: { kind: 'Issuer', name: 'shown' } })).resource?.resource;
    const unchanged = { case: 'unchanged', value: expect.stringMatching(/^sha256:[0-9a-f]{16}$/) };
    expect(issuer?.spec.value).toMatchObject({ keySource: { case: 'secret', value: { source: unchanged } } });
    expect((await admin.config.apply({ resources: [issuer!] })).changes).toEqual([]);
  });
});

let observations = 0;

/** Makes the configuration exactly this, and looks. */
async function observe(each: FieldCase, written: Written, expected: unknown): Promise<unknown> {
  const all: Record<string, Written> = {
    'Service/s': { spec: { endpoints: [{ address: 'ORIGIN' }] } },
    'Route/r': { spec: { match: [{ path: { prefix: '/' } }], service: 's' } },
    'Consumer/c': { spec: {} },
    ...each.others,
    [each.key]: written,
  };
  const resources = Object.entries(all).map(([key, resource]) => resourceOf(key, resource, { proof: '1' }));
  const { revision } = await admin.config.apply({ resources, pruneLabel: 'proof=1', force: true });
  await admin.waitUntilActive(revision);
  await admin.fleet.resetBreaker({ service: 's' });
  world.origin.closeIdle();
  world.origin.reply = () => ({ headers: { 'x-origin': 'main' } });
  world.other.reply = () => ({ headers: { 'x-origin': 'other' } });
  observations++;
  return await each.observe({ ...world, run: `run-${observations}`, expected });
}

function resourceOf(key: string, written: Written, labels: Record<string, string> = {}) {
  const [kind, name] = key.split('/') as [string, string];
  const text = stringify({ kind, name, ...written, labels: { ...written.labels, ...labels } })
    .replaceAll('ORIGIN_PORT', String(world.origin.port))
    .replaceAll('OTHER_PORT', String(world.other.port))
    .replaceAll('ORIGIN', world.origin.address)
    .replaceAll('OTHER', world.other.address)
    .replaceAll('DEAF', deaf.address)
    .replaceAll('FREE1', String(world.free[0]))
    .replaceAll('FREE2', String(world.free[1]));
  return readManifests(text)[0]!;
}

/** Waits until DNS has answered for every service that it knows the endpoints of. */
async function settled(): Promise<void> {
  await waitFor('the endpoints are found', async () => {
    const { services } = JSON.parse((await node.admin('/__endpoints')).body) as {
      services: { dns?: { answeredAt: string | null } }[];
    };
    return services.every(({ dns: lookups }) => lookups?.answeredAt !== null);
  });
}

/** An address where nobody answers: a program that listens and does nothing more, its queue of connections full. */
async function startDeaf(): Promise<{ address: string; stop: () => void }> {
  const program = `const s = require('net').createServer().listen(0, '127.0.0.1', 1, () => {
    require('fs').writeSync(1, String(s.address().port)); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); });`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise<number>((resolve) =>
    child.stdout.once('data', (text: Buffer) => resolve(Number(text))),
  );
  const filling: Socket[] = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  await Promise.race(filling.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  return {
    address: `127.0.0.1:${port}`,
    stop: () => {
      for (const socket of filling) socket.destroy();
      child.kill('SIGKILL');
    },
  };
}
