/** The wall clock is stepped while a node runs: what lasts goes by the monotonic clock. */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Admin, connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { type Node, startNode } from '../harness/node.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { hmacToken, nowSeconds } from '../harness/token.ts';
import { waitFor } from '../harness/wait-for.ts';

const library = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketime.so.1`;

const SECRET = 'a shared secret of the issuer and the gateway';

let controlPlane: ControlPlane;
let admin: Admin;
let node: Node;
let clock: string;
let origin: Origin;
let directory: Awaited<ReturnType<typeof makeTempDir>>;

beforeAll(async () => {
  if (!existsSync(library)) throw new Error('this needs libfaketime: apt-get install faketime');
  controlPlane = await startControlPlane();
  admin = connectAdmin(controlPlane);
  origin = await startOrigin();
  await admin.apply(`
kind: Issuer
name: main
spec: { issuer: main, algorithms: [HS256], secret: { inline: "${SECRET}" } }
---
kind: Consumer
name: app
spec: {}
---
kind: Service
name: up
spec: { endpoints: [{ address: "${origin.address}" }], circuitBreaker: {} }
---
kind: Route
name: tokens
spec:
  match: [{ path: { prefix: /tokens } }]
  respond: { status: 200 }
  auth: { anyOf: [{ jwt: { issuers: [main] } }, { apiKey: {} }] }
---
kind: Route
name: up
spec: { match: [{ path: { prefix: /up } }], service: up, timeout: 60s }
---
kind: Route
name: kept
spec: { match: [{ path: { prefix: /kept } }], service: up, cache: {} }
---
kind: Route
name: bucket
spec:
  match: [{ path: { prefix: /bucket } }]
  respond: { status: 200 }
  rateLimits: [{ name: hourly, tokenBucket: { requests: 3, per: 1h } }]
---
kind: Route
name: window
spec:
  match: [{ path: { prefix: /window } }]
  respond: { status: 200 }
  rateLimits: [{ name: hourly, slidingWindow: { requests: 3, per: 1h } }]
`);
  directory = await makeTempDir('clock');
  clock = join(directory.path, 'clock');
  step('+0');
  node = await startNode({
    controlPlane: controlPlane.url,
    // Nor does a step make old what was confirmed just before.
    args: ['--max-staleness', '10m'],
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
  });
});

afterAll(async () => {
  admin?.[Symbol.dispose]();
  await node?.[Symbol.asyncDispose]();
  await controlPlane?.[Symbol.asyncDispose]();
  await directory?.[Symbol.asyncDispose]();
  await origin?.[Symbol.asyncDispose]();
});

function step(offset: string): void {
  writeFileSync(`${clock}.new`, `${offset}\n`);
  renameSync(`${clock}.new`, clock);
}

async function ask(path: string, headers: Readonly<Record<string, string>> = {}) {
  await using client = await connectRaw(node.port);
  const response = await client.request({ target: path, headers: { host: 'a', ...headers } });
  const at = Date.parse(response.header('date') ?? '');
  return {
    status: response.status,
    retryAfterS: Number(response.header('retry-after')),
    ageS: Number(response.header('age')),
    body: response.body.toString(),
    aheadS: (at - Date.now()) / 1000,
  };
}

test.each([
  ['/bucket', 1200],
  ['/window', 3660],
])('an hour ahead and an hour back change no limit: %s', async (path, mostS) => {
  step('+0');
  for (let i = 0; i < 3; i++) expect((await ask(path)).status).toBe(200);
  for (const [offset, seconds] of [
    ['+3600', 3600],
    ['-3600', -3600],
    ['+0', 0],
  ] as const) {
    step(offset);
    const { status, retryAfterS } = await waitFor('the node sees the step', async () => {
      const answer = await ask(path);
      return Math.abs(answer.aheadS - seconds) < 600 && answer;
    });
    expect(status).toBe(429);
    expect(retryAfterS).toBeGreaterThan(0);
    expect(retryAfterS).toBeLessThanOrEqual(mostS);
  }
});

/** Steps the clock, and waits until the node tells the time accordingly. */
async function stepTo(seconds: number): Promise<void> {
  step(seconds < 0 ? `${seconds}` : `+${seconds}`);
  await waitFor('the node sees the step', async () => Math.abs((await ask('/window')).aheadS - seconds) < 600);
}

const steps = async () => Number(/^gateway_clock_steps_total (\d+)$/m.exec((await node.admin('/__metrics')).body)?.[1]);

test('tokens and keys begin and end by the wall clock, the remembered ones too, and each step is told', async () => {
  await stepTo(0);
  const half = nowSeconds() + 1800;
  const { secret } = await admin.keys.createKey({ name: 'k', consumer: 'app', expiresAt: { seconds: BigInt(half) } });
  const bearer = (claims: object) => ({ authorization: `Bearer ${hmacToken(SECRET, { iss: 'main', ...claims })}` });
  const [begins, ends] = [nowSeconds() - 600, half + 86_400];
  const statuses = async (...more: readonly Record<string, string>[]) => {
    const all = [bearer({ exp: half }), { 'x-api-key': secret }, ...more];
    return (await Promise.all(all.map(async (headers) => (await ask('/tokens', headers)).status))).join(' ');
  };
  await waitFor('the key is known', async () => (await statuses()) === '200 200');
  const before = await steps();
  await stepTo(3600);
  expect(await statuses(bearer({ exp: ends, nbf: begins }))).toBe('401 401 200');
  await waitFor('the step is told', async () => (await steps()) > before);
  const ahead = await steps();
  await stepTo(-3600);
  // One that no worker remembers.
  expect(await statuses(bearer({ exp: ends + 1, nbf: begins }))).toBe('200 200 401');
  await waitFor('the step back is told', async () => (await steps()) > ahead);
  expect(node.process().output()).toContain('the wall clock was stepped');
  await stepTo(0);
  expect(await statuses()).toBe('200 200');
});

test('an answer that is kept grows no older and no younger', async () => {
  await stepTo(0);
  let number = 0;
  origin.reply = () => ({ status: 200, headers: { 'cache-control': 'max-age=1800' }, body: String(++number) });
  await waitFor('it is kept', async () => (await ask('/kept')).ageS >= 0 && (await ask('/kept')).body === '1');
  for (const seconds of [3600, -3600, 0]) {
    await stepTo(seconds);
    const { body, ageS } = await ask('/kept');
    expect(body).toBe('1');
    expect(ageS).toBeLessThan(600);
  }
  origin.reply = () => ({ status: 200 });
});

test('a request under way sees no step: no timeout, no failure, no endpoint lost', async () => {
  await stepTo(0);
  const answer = Promise.withResolvers<void>();
  const count = origin.requests.length;
  origin.reply = async () => {
    await answer.promise;
    return { status: 200 };
  };
  const waiting = ask('/up');
  await origin.waitForRequests(count + 1);
  await stepTo(3600);
  await stepTo(-3600);
  await stepTo(0);
  answer.resolve();
  expect((await waiting).status).toBe(200);
  expect((await ask('/up')).status).toBe(200);
});
