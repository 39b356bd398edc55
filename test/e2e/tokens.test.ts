/** Tokens that the gateway signs itself: exchanged for a key by anyone who has one, accepted by nodes, ended by their id. */
import { isDeepStrictEqual } from 'node:util';
import { createRemoteJWKSet, jwtVerify, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { type Node, startNode } from '../harness/node.ts';
import { startOrigin } from '../harness/origin.ts';
import { connectRaw, type RawClient } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const config = (address: string) => `
kind: Service
name: s
spec: { endpoints: [{ address: "${address}" }] }
---
kind: Consumer
name: app
spec: { scopes: [read, write] }
---
kind: Route
name: r
spec:
  match: [{ path: { prefix: / } }]
  service: s
  auth: { anyOf: [{ jwt: { issuers: [sluice] } }] }
  authorization: { scopes: { allOf: [read] } }
`;

const stack = new AsyncDisposableStack();
let controlPlane: ControlPlane;
let node: Node;
let key = '';

beforeAll(async () => {
  const origin = stack.use(await startOrigin(() => ({ body: '{}' })));
  controlPlane = stack.use(await startControlPlane());
  using admin = connectAdmin(controlPlane);
  await admin.apply(config(origin.address));
  key = await admin.createKey('k', 'app');
  node = stack.use(await startNode({ controlPlane: controlPlane.url }));
});

afterAll(() => stack.disposeAsync());

const statusOf = async (client: RawClient, token: string): Promise<number> =>
  (await client.request({ headers: { authorization: `Bearer ${token}` } })).status;

/** As any client can: one request, with nothing but the key. */
async function exchange(body: object): Promise<{ status: number; answer: Record<string, unknown> }> {
  const response = await fetch(`${controlPlane.url}/sluice.admin.v1.TokenService/IssueToken`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
}

test('a key is exchanged for a token by one request that has nothing but the key, and nodes accept it at once', async () => {
  const { status, answer } = await exchange({ apiKey: key });
  expect([status, answer.consumer, answer.scopes]).toEqual([200, 'app', ['read', 'write']]);
  await using client = await connectRaw(node.port);
  expect(await statusOf(client, String(answer.token))).toBe(200);
  const { answer: narrow } = await exchange({ apiKey: key, scopes: ['write'] });
  expect(await statusOf(client, String(narrow.token))).toBe(403);
  expect((await exchange({ apiKey: 'slk_wrong' })).status).toBe(401);
  expect(controlPlane.process().output()).not.toContain(String(answer.token));
  expect(controlPlane.process().output()).not.toContain(key);
});

test('gatewayctl issues, verifies and revokes; a revoked token is refused on open connections, and after a restart without the control plane', async () => {
  const issued = JSON.parse(
    await controlPlane.ctlOk(['tokens', 'issue', '--key', key, '--scope', 'read', '-o', 'json']),
  );
  const kept = (await controlPlane.ctlOk(['tokens', 'issue', '--key', key])).trim();
  expect(issued).toMatchObject({ consumer: 'app', scopes: ['read'] });
  expect(await controlPlane.ctlOk(['tokens', 'verify', issued.token])).toMatch(/^valid\n\{.*"sub":"app"/);
  await using client = await connectRaw(node.port);
  for (let i = 0; i < 4; i++) expect(await statusOf(client, issued.token)).toBe(200);
  expect(await controlPlane.ctlOk(['tokens', 'revoke', issued.token])).toBe(`${issued.tokenId} is revoked\n`);
  await waitFor('the token is refused', async () => (await statusOf(client, issued.token)) === 401);
  expect(await statusOf(client, kept)).toBe(200);
  const said = await controlPlane.ctl(['tokens', 'validate', issued.token]);
  expect([said.code, said.stdout.split('\n')[0]]).toEqual([1, 'not valid: The token was revoked.']);
  expect((await node.admin('/__metrics')).body).toMatch(
    /gateway_auth_failures_total\{route="r",reason="revoked"\} [1-9]/,
  );

  controlPlane.pause();
  try {
    await node.kill();
    await node.start();
    await using after = await connectRaw(node.port);
    expect(await statusOf(after, issued.token)).toBe(401);
    expect(await statusOf(after, kept)).toBe(200);
  } finally {
    controlPlane.resume();
  }
});

test('a whole token is revoked as one of the issuer that it names, and one of nobody is not taken for revoked', async () => {
  const secret = '0123456789abcdef0123456789abcdef';
  const issuer = (name: string, iss: string) =>
    `kind: Issuer\nname: ${name}\nspec: { issuer: ${iss}, algorithms: [HS256], secret: { inline: ${secret} } }\n---\n`;
  using admin = connectAdmin(controlPlane);
  const route = `kind: Route\nname: corporate\nspec: { match: [{ path: { prefix: /corporate } }], service: s, auth: { anyOf: [{ jwt: { issuers: [corporate] } }] } }`;
  await admin.apply(
    issuer('corporate', 'https://login.example/') + issuer('a', 'twice') + issuer('b', 'twice') + route,
  );
  const tokenOf = (iss: string) =>
    new SignJWT({ jti: 'one' })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(iss)
      .setExpirationTime('1h')
      .sign(Buffer.from(secret));
  const token = await tokenOf('https://login.example/');
  await using client = await connectRaw(node.port);
  const status = async () =>
    (await client.request({ target: '/corporate', headers: { authorization: `Bearer ${token}` } })).status;
  await waitFor('the node has the issuer', async () => (await status()) === 200);
  expect(await controlPlane.ctlOk(['tokens', 'revoke', token])).toBe('one is revoked\n');
  await waitFor('the token is refused', async () => (await status()) === 401);
  expect(await controlPlane.ctl(['tokens', 'revoke', await tokenOf('nobody')])).toMatchObject({
    code: 1,
    stderr: 'the token is of "nobody", and no Issuer is\n',
  });
  expect(await controlPlane.ctl(['tokens', 'revoke', await tokenOf('twice')])).toMatchObject({
    code: 1,
    stderr: 'the token is of "twice", as several Issuers are: say --issuer a or b\n',
  });
});

test('a refused API key is not told to be a lack of a token for the control plane', async () => {
  const { code, stderr } = await controlPlane.ctl(['tokens', 'issue', '--key', 'slk_wrong']);
  expect([code, stderr]).toEqual([1, `${controlPlane.url} refuses: the API key is not accepted\n`]);
});

test('tokens end with the API key that they were exchanged for, or with its rotation without a grace: on open connections, and after a restart without the control plane', async () => {
  using admin = connectAdmin(controlPlane);
  const secrets = {
    revoked: await admin.createKey('revoked', 'app'),
    rotated: await admin.createKey('rotated', 'app'),
  };
  const tokenOf = async (apiKey: string) => String((await exchange({ apiKey })).answer.token);
  const [revoked, rotated, kept] = [await tokenOf(secrets.revoked), await tokenOf(secrets.rotated), await tokenOf(key)];
  await using client = await connectRaw(node.port);
  const statuses = async (on: RawClient = client) => {
    const all: number[] = [];
    for (const token of [revoked, rotated, kept]) all.push(await statusOf(on, token));
    return all.join(' ');
  };
  // More than once: from then on a worker remembers them.
  for (let i = 0; i < 3; i++) expect(await statuses()).toBe('200 200 200');
  expect(await controlPlane.ctlOk(['keys', 'revoke', 'revoked'])).toBe('revoked is revoked\n');
  await waitFor('those of the revoked key are refused', async () => (await statuses()) === '401 200 200');
  const { secret } = await admin.keys.rotateKey({ name: 'rotated', grace: {} });
  await waitFor('those of the secret before are refused', async () => (await statuses()) === '401 401 200');
  expect(await statusOf(client, await tokenOf(secret))).toBe(200);
  const said = await controlPlane.ctl(['tokens', 'validate', revoked]);
  expect([said.code, said.stdout.split('\n')[0]]).toEqual([1, 'not valid: The token was revoked.']);

  const facts = Number((await admin.fleet.listNodes({})).factsVersion);
  await waitFor(
    'the node has it all',
    async () => JSON.parse((await node.admin('/__ready')).body).factsVersion === facts,
  );
  await node.stop();
  controlPlane.pause();
  try {
    await node.start();
    await using after = await connectRaw(node.port);
    expect(await statuses(after)).toBe('401 401 200');
  } finally {
    controlPlane.resume();
  }
});

test('a new key takes over without a token being refused', async () => {
  const before = (await controlPlane.ctlOk(['tokens', 'issue', '--key', key])).trim();
  expect(await controlPlane.ctlOk(['tokens', 'rotate'])).toMatch(/ signs from .* on\n$/);
  const after = (await controlPlane.ctlOk(['tokens', 'issue', '--key', key])).trim();
  await using client = await connectRaw(node.port);
  for (const token of [before, after]) expect(await statusOf(client, token)).toBe(200);
});

test('anybody can fetch the public keys, from the control plane or a node, and verify tokens with them as upstreams do', async () => {
  const token = (await controlPlane.ctlOk(['tokens', 'issue', '--key', key])).trim();
  const { keyId } = JSON.parse(await controlPlane.ctlOk(['tokens', 'rotate', '-o', 'json']));
  const published = new URL('/.well-known/jwks.json', controlPlane.url);
  const { payload } = await jwtVerify(token, createRemoteJWKSet(published), {
    issuer: 'sluice',
    algorithms: ['ES256'],
  });
  expect(payload.sub).toBe('app');
  const response = await fetch(published);
  expect(response.headers.get('content-type')).toBe('application/jwk-set+json');
  // A new key signs a minute after it is published: who keeps the set that long has it in time.
  expect(response.headers.get('cache-control')).toBe('public, max-age=30');
  const document = (await response.json()) as { keys: Record<string, unknown>[] };
  expect(document.keys.map(({ kid }) => kid)).toContain(keyId);
  for (const jwk of document.keys)
    expect(Object.keys(jwk).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  expect((await fetch(published, { method: 'POST' })).status).toBe(405);
  const byKid = (keys: Record<string, unknown>[]) =>
    keys.toSorted((a, b) => String(a.kid).localeCompare(String(b.kid)));
  await waitFor('the node has the new key', async () => {
    const own = JSON.parse((await node.admin('/__jwks')).body) as typeof document;
    return isDeepStrictEqual(byKid(own.keys), byKid(document.keys));
  });
});
