import { KeyService } from '@sluice/proto';
import { createGrpcClient } from '@sluice/proto/grpc-client';
import { startControlPlane } from '../harness/control-plane.ts';
import { startNode } from '../harness/node.ts';
import { type Candidate, cores, pin } from './candidate.ts';
import { consumerName, equalityPath, formatManifest, type Upstreams, type Workload } from './workload.ts';

export type SluiceCandidate = Candidate & {
  /** Secrets of the API keys that were made. */
  readonly secrets: readonly string[];
};

export type SluiceOptions = {
  /** Default 1. */
  readonly workers?: number;
  /** What the node is tied to. Default: the proxy's core. */
  readonly core?: number | string;
  /** Added to the workload's manifest. */
  readonly manifest?: string;
  /** Added to the node's environment. */
  readonly env?: Readonly<Record<string, string>>;
};

/** 100,000 routes take their time on a slow machine. */
const startDeadlineMs = 240_000;

/** Starts a control plane and one node, configured by gatewayctl; the keys are made over the admin API. */
export async function startSluice(
  name: string,
  workload: Workload,
  upstreams: Upstreams,
  { workers = 1, core = cores.proxy, manifest = '', env = {} }: SluiceOptions = {},
): Promise<SluiceCandidate> {
  await using stack = new AsyncDisposableStack();
  const controlPlane = stack.use(await startControlPlane());
  for (const input of splitManifest(formatManifest(workload, upstreams) + manifest))
    await controlPlane.ctlOk(['apply', '-f', '-'], { input, deadlineMs: startDeadlineMs });
  const keys = (workload.credential ?? 'apiKey') === 'apiKey' ? workload.consumers : 0;
  const secrets = await createKeys(controlPlane.url, keys);
  const node = stack.use(await startNode({ controlPlane: controlPlane.url, workers, env, wait: 'started' }));
  await node.waitUntilReady(startDeadlineMs);
  pin(controlPlane.process().pid, cores.load);
  pin(node.process().pid, core);
  const held = stack.move();
  return {
    name,
    port: node.port,
    pid: node.process().pid,
    equalityPort: node.port,
    equalityPath,
    secrets,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Parts that are applied one after another, so that none of them is near what one call may hold. */
function splitManifest(manifest: string): string[] {
  const documents = manifest.split(/^---\n/m);
  const size = 20_000;
  const parts = Array.from({ length: Math.ceil(documents.length / size) }, (_, n) =>
    documents.slice(n * size, (n + 1) * size),
  );
  return parts.map((part) => part.join('---\n'));
}

/** Makes `count` keys, one for each consumer, eight at a time, and returns their secrets in the consumers' order. */
export async function createKeys(url: string, count: number): Promise<string[]> {
  const client = createGrpcClient(KeyService, url);
  const secrets = new Array<string>(count);
  let next = 0;
  const lane = async () => {
    for (let key = next++; key < count; key = next++) {
      const { secret } = await client.createKey({ name: `key-${key}`, consumer: consumerName(key) });
      secrets[key] = secret;
    }
  };
  try {
    await Promise.all(Array.from({ length: 8 }, lane));
  } finally {
    client.close();
  }
  return secrets;
}
