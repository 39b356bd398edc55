/** What a million API keys cost a node: `npm run scale -- [keys]`. Prints what docs/adr/0017-api-keys.md shows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Node, startNode } from '../harness/node.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
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
const READY_MS = 600_000;
/** A node is looked at so long after it is ready: by then it has written its cache, and collected its garbage. */
const SETTLE_MS = 20_000;

for (const keys of [FEW, MANY]) await measureNode(keys);
const { nanoseconds, bytesPerKey } = await measureLookups(MANY);
console.log(
  `${MANY} keys in memory: ${bytesPerKey.toFixed(0)} bytes each; a lookup takes ${nanoseconds.toFixed(0)} ns`,
);

async function measureNode(keys: number): Promise<void> {
  await using temp = await makeTempDir('scale');
  const turns = join(temp.path, 'turns');
  await using feed = await startKeyFeed(keys, CONFIG);
  const env = { NODE_OPTIONS: `--import ${join(import.meta.dirname, 'watch-turns.ts')}`, SCALE_TURNS_FILE: turns };
  const started = performance.now();
  await using node = await startNode({ controlPlane: feed.url, wait: 'alive', env });
  const report = async (what: string): Promise<void> => {
    await pause(SETTLE_MS);
    console.log(
      `${keys} keys, ${what}: ${memory(node, 'VmRSS')} MB resident, ${memory(node, 'VmHWM')} at most; longest turn of the main thread ${Number(readFileSync(turns, 'utf8')).toFixed(0)} ms of the processor`,
    );
  };
  await node.waitUntilReady(READY_MS);
  console.log(`${keys} keys: ready after ${seconds(started)} s`);
  await report('fresh');
  for (const round of ['once', 'twice']) {
    feed.rotate(keys / 10);
    await report(`a tenth of them rotated ${round}`);
  }
  // Few enough that it is kept in the log.
  feed.rotate(Math.max(1, Math.floor(keys / 20) - 1));
  await report('just under a twentieth of them rotated');
  await feed[Symbol.asyncDispose]();
  await node.stop();
  const again = performance.now();
  await node.start();
  await node.waitUntilReady(READY_MS);
  console.log(`${keys} keys: ready after ${seconds(again)} s from its cache alone`);
  await report('from its cache');
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1000).toFixed(1);
}

function memory(node: Node, field: 'VmRSS' | 'VmHWM'): string {
  const status = readFileSync(`/proc/${node.process().pid}/status`, 'utf8');
  return (Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024).toFixed(0);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
