/** The wall clock is stepped while a node runs: what lasts goes by the monotonic clock. */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Admin, connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { type Node, startNode } from '../harness/node.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { waitFor } from '../harness/wait-for.ts';

const library = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketime.so.1`;

let controlPlane: ControlPlane;
let admin: Admin;
let node: Node;
let clock: string;
let directory: Awaited<ReturnType<typeof makeTempDir>>;

beforeAll(async () => {
  if (!existsSync(library)) throw new Error('this needs libfaketime: apt-get install faketime');
  controlPlane = await startControlPlane();
  admin = connectAdmin(controlPlane);
  await admin.apply(`
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
});

function step(offset: string): void {
  writeFileSync(`${clock}.new`, `${offset}\n`);
  renameSync(`${clock}.new`, clock);
}

async function ask(path: string) {
  await using client = await connectRaw(node.port);
  const response = await client.request({ target: path });
  const at = Date.parse(response.header('date') ?? '');
  return {
    status: response.status,
    retryAfterS: Number(response.header('retry-after')),
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
