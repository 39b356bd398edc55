/** What a million API keys cost a node: `npm run scale -- [keys]`. Prints what docs/adr/0017-api-keys.md shows. */
import { readFileSync } from 'node:fs';
import { startNode } from '../harness/node.ts';
import { startKeyFeed } from './key-feed.ts';
import { measureLookups } from './key-lookups.ts';

const CONFIG = `
kind: Service
name: s
spec: { endpoints: [{ address: "127.0.0.1:9" }] }
---
kind: Consumer
name: app
spec: {}
---
kind: Route
name: r
spec:
  match: [{ path: { prefix: / } }]
  service: s
  auth: { anyOf: [{ apiKey: { header: x-api-key } }] }
`;
const MANY = Number(process.argv[2] ?? 1_000_000);
const FEW = 10;
const PROBE_MS = 20;
/** A node is looked at so long after it is ready: by then it has written its cache, and collected its garbage. */
const SETTLE_MS = 30_000;

for (const keys of [FEW, MANY]) await measureNode(keys);
const { nanoseconds, bytesPerKey } = await measureLookups(MANY);
console.log(
  `${MANY} keys in memory: ${bytesPerKey.toFixed(0)} bytes each; a lookup takes ${nanoseconds.toFixed(0)} ns`,
);

async function measureNode(keys: number): Promise<void> {
  await using feed = await startKeyFeed(keys, CONFIG);
  const started = performance.now();
  await using node = await startNode({ controlPlane: feed.url, wait: 'alive' });
  const stall = watchStall((path) => node.admin(path));
  await node.waitUntilReady(300_000);
  const readyMs = performance.now() - started;
  await pause(SETTLE_MS);
  console.log(
    `${keys} keys: ready after ${(readyMs / 1000).toFixed(1)} s, at most ${stall().toFixed(0)} ms without an answer of the main thread, ${resident(node.process().pid)} MB resident`,
  );
  await feed[Symbol.asyncDispose]();
  await node.stop();
  const again = performance.now();
  await node.start();
  await node.waitUntilReady(300_000);
  const restartMs = performance.now() - again;
  await pause(SETTLE_MS);
  console.log(
    `  from its cache alone: ready after ${(restartMs / 1000).toFixed(1)} s, ${resident(node.process().pid)} MB resident`,
  );
}

/** The longest that the main thread let a small question wait. */
function watchStall(admin: (path: string) => Promise<unknown>): () => number {
  let longestMs = 0;
  let isOver = false;
  void (async () => {
    while (!isOver) {
      const asked = performance.now();
      await admin('/__version').catch(() => undefined);
      longestMs = Math.max(longestMs, performance.now() - asked);
      await pause(PROBE_MS);
    }
  })();
  return () => {
    isOver = true;
    return longestMs;
  };
}

function resident(pid: number | undefined): string {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return (Number(line?.[1]) / 1024).toFixed(0);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
