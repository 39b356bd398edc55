/** Keys of an issuer that nodes fetch: rotated without a failed request, kept while the issuer is away, and never guessed at. */
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { type Node, startNode } from '../harness/node.ts';
import { type Origin, type OriginHandler, startOrigin } from '../harness/origin.ts';
import { connectRaw, type RawClient } from '../harness/raw-client.ts';
import { nowSeconds, signedToken } from '../harness/token.ts';
import { waitFor } from '../harness/wait-for.ts';

const pairs = new Map(
  ['one', 'two', 'three'].map((kid) => [kid, generateKeyPairSync('ec', { namedCurve: 'P-256' })] as const),
);
const tokenOf = (kid: string, signer = kid) =>
  signedToken(pairs.get(signer)!.privateKey, { iss: 'main', exp: nowSeconds() + 600 }, { alg: 'ES256', kid });
const serves =
  (...kids: string[]): OriginHandler =>
  () => ({
    body: JSON.stringify({
      keys: kids.map((kid) => ({ ...pairs.get(kid)!.publicKey.export({ format: 'jwk' }), kid })),
    }),
  });

const config = (origin: Origin, keys: Origin) => `
kind: Service
name: s
spec: { endpoints: [{ address: "${origin.address}" }] }
---
kind: Issuer
name: main
spec: { issuer: main, algorithms: [ES256], jwks: { url: "http://${keys.address}/keys", refresh: 1h, allowHttp: true } }
---
kind: Route
name: r
spec: { match: [{ path: { prefix: / } }], service: s, auth: { anyOf: [{ jwt: { issuers: [main] } }] } }
`;

const stack = new AsyncDisposableStack();
let controlPlane: ControlPlane;
let issuer: Origin;
let node: Node;

beforeAll(async () => {
  const origin = stack.use(await startOrigin(() => ({ body: '{}' })));
  issuer = stack.use(await startOrigin(serves('one')));
  controlPlane = stack.use(await startControlPlane());
  using admin = connectAdmin(controlPlane);
  await admin.apply(config(origin, issuer));
  node = stack.use(await startNode({ controlPlane: controlPlane.url }));
});

afterAll(() => stack.disposeAsync());

const ask = async (client: RawClient, token: string): Promise<number> =>
  (await client.request({ headers: { authorization: `Bearer ${token}` } })).status;

async function statusOf(token: string): Promise<number> {
  await using client = await connectRaw(node.port);
  return await ask(client, token);
}

test('a token signed with a new key has the keys fetched; a thousand with a key of nobody cost few questions', async () => {
  const clients = await Promise.all(Array.from({ length: 20 }, () => connectRaw(node.port)));
  await waitFor('the keys are there', async () => (await statusOf(tokenOf('one'))) === 200);
  issuer.reply = serves('one', 'two');
  const before = issuer.requests.length;
  await waitFor('the new key is known', async () =>
    (await Promise.all(clients.map((client) => ask(client, tokenOf('two'))))).every((status) => status === 200),
  );
  expect(issuer.requests.length - before).toBeLessThanOrEqual(3);

  // Three times at the most, and then once in ten seconds.
  const began = performance.now();
  for (let round = 0; round < 50; round++) {
    const statuses = await Promise.all(
      clients.map((client, i) => ask(client, tokenOf(i === 0 ? 'one' : 'nobody', 'one'))),
    );
    expect(statuses).toEqual(clients.map((_, i) => (i === 0 ? 200 : 401)));
  }
  const seconds = (performance.now() - began) / 1000;
  expect(issuer.requests.length - before).toBeLessThanOrEqual(4 + seconds / 10);
  for (const client of clients) client.end();
});

test('a key that is gone from the set ends its tokens, also those that were accepted before, on open connections', async () => {
  await using client = await connectRaw(node.port);
  const token = tokenOf('one');
  for (let i = 0; i < 4; i++) expect(await ask(client, token)).toBe(200);
  issuer.reply = serves('three');
  await waitFor('the new key is there', async () => (await statusOf(tokenOf('three'))) === 200, { deadlineMs: 30_000 });
  expect(await ask(client, token)).toBe(401);
  expect(await statusOf(tokenOf('two'))).toBe(401);
});

test('with the issuer away, or answering nonsense, known keys stay: also in a node that starts alone', async () => {
  for (const reply of [{ status: 500 }, { body: '{"keys":' }, { status: 302, headers: { location: '/elsewhere' } }]) {
    issuer.reply = () => reply;
    expect(await statusOf(tokenOf('nobody', 'one'))).toBe(401);
    expect(await statusOf(tokenOf('three'))).toBe(200);
  }
  expect(issuer.requests.map(({ target }) => target)).not.toContain('/elsewhere');
  await issuer.stop();
  controlPlane.pause();
  try {
    await node.kill();
    await node.start();
    expect(await statusOf(tokenOf('three'))).toBe(200);
    expect(await statusOf(tokenOf('one'))).toBe(401);
  } finally {
    controlPlane.resume();
    await issuer.start();
  }
});

test('a worker that starts later has the keys too', async () => {
  node.process().signal('SIGUSR2');
  await waitFor('the workers are replaced', async () =>
    /^gateway_worker_restarts_total 2$/m.test((await node.admin('/__metrics')).body),
  );
  expect(await Promise.all(Array.from({ length: 12 }, () => statusOf(tokenOf('three'))))).toEqual(Array(12).fill(200));
});

test('keys that were never there: 503 and its code for every token, until they are', async () => {
  await issuer.stop();
  await using fresh = await startNode({ controlPlane: controlPlane.url, id: 'n2' });
  await using client = await connectRaw(fresh.port);
  const answer = await client.request({ headers: { authorization: `Bearer ${tokenOf('three')}` } });
  expect(answer.status).toBe(503);
  expect(JSON.parse(answer.body.toString())).toMatchObject({ type: 'urn:sluice:problem:policy_unavailable' });
  expect((await fresh.admin('/__metrics')).body).toContain(
    'gateway_auth_failures_total{route="r",reason="unavailable"} 1',
  );
  issuer.reply = serves('three');
  await issuer.start();
  await waitFor('the keys are there', async () => (await ask(client, tokenOf('three'))) === 200, {
    deadlineMs: 30_000,
  });
});
