import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { type ControlPlane, parseSettings, startControlPlane } from '@sluice/control-plane';
import { ConfigService, ResourceSchema } from '@sluice/proto';
import { createGrpcClient } from '@sluice/proto/grpc-client';
import { TestNode } from '../../../control-plane/src/fleet/testing/test-node.ts';
import { freePort } from '../../harness/free-port.ts';
import { makeTempDir } from '../../harness/temp-dir.ts';

/**
 * A fleet that connects at once: with nothing, so that each node needs a snapshot, and again after the control plane was restarted. Time
 * until all are in sync, and what it does to the control plane's event loop. Run by hand: node test/bench/micro/reconnect.ts [nodes] [routes]
 */
const nodes = Number(process.argv[2] ?? 1000);
const routes = Number(process.argv[3] ?? 1000);

if (process.send === undefined) await runControlPlane();
else runNodes(process.argv[4]!);

async function runControlPlane(): Promise<void> {
  await using dir = await makeTempDir('reconnect');
  const port = await freePort();
  let controlPlane = await start(dir.path, port);
  await createGrpcClient(ConfigService, controlPlane.url).apply({ resources: makeResources() });

  const fleet = fork(import.meta.filename, [String(nodes), String(routes), controlPlane.url]);
  const loop = monitorEventLoopDelay({ resolution: 5 });
  loop.enable();
  for (const name of ['first, each with a snapshot', 'again, after a restart']) {
    loop.reset();
    const cpu = process.cpuUsage();
    fleet.send('go');
    const [{ ms, refused }] = (await once(fleet, 'message')) as [{ ms: number; refused: number }];
    const { user, system } = process.cpuUsage(cpu);
    console.log(
      `${nodes} nodes ${name}: in sync after ${ms.toFixed(0)} ms, ${refused} refusals; loop delay worst ${toMs(loop.max)} ms, ` +
        `p99 ${toMs(loop.percentile(99))} ms; CPU ${((user + system) / 1000).toFixed(0)} ms; RSS ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB`,
    );
    if (name.startsWith('again')) break;
    await controlPlane.close();
    controlPlane = await start(dir.path, port);
  }
  fleet.kill();
  await controlPlane.close();
}

/** Nodes that come back as often as they are sent away, with a wait that grows. */
function runNodes(address: string): void {
  const fleet = new Map<string, { node: TestNode; failures: number; due: number }>();
  const connect = (id: string, from: TestNode | undefined, failures: number) => {
    const node = new TestNode({ address, id, connections: 20, beatMs: 5000, ...(from && { from }) });
    fleet.set(id, { node, failures, due: 0 });
  };
  const bringBack = async (): Promise<void> => {
    const began = performance.now();
    let refused = 0;
    if (fleet.size === 0) for (let n = 0; n < nodes; n++) connect(`n${n}`, undefined, 0);
    for (;;) {
      const now = performance.now();
      for (const [id, state] of fleet) {
        const { node, failures } = state;
        if (node.ended === undefined) continue;
        if (state.due === 0) {
          const told = typeof node.ended === 'object' ? (node.ended.retryAfterMs ?? 0) : 0;
          state.due = now + Math.max(told, 200 * 2 ** Math.min(failures, 4) * (0.5 + Math.random() / 2));
          refused++;
        } else if (now >= state.due) {
          node.close();
          connect(id, node, failures + 1);
        }
      }
      const isCurrent = ({ node }: { node: TestNode }) =>
        node.ended === undefined &&
        node.welcome !== undefined &&
        node.config.revision === Number(node.welcome.revision);
      if (fleet.values().every(isCurrent)) break;
      await sleep(10);
    }
    process.send!({ ms: performance.now() - began, refused });
  };
  process.on('message', () => void bringBack());
}

async function start(dataDir: string, port: number): Promise<ControlPlane> {
  const args = ['--listen', `127.0.0.1:${port}`, '--data-dir', dataDir, '--auth', 'none', '--log-level', 'error'];
  const parsed = parseSettings([...args, '--context-file', join(dataDir, 'context.yaml')]);
  if (parsed.kind !== 'run') throw new Error('the settings are wrong');
  return startControlPlane(parsed.settings);
}

function makeResources() {
  const service = create(ResourceSchema, {
    name: 's',
    spec: { case: 'service', value: { endpoints: [{ address: '10.0.0.1:80' }] } },
  });
  const route = (i: number) =>
    create(ResourceSchema, {
      name: `route-${i}`,
      spec: {
        case: 'route',
        value: { match: [{ path: { kind: { case: 'prefix', value: `/things-${i}` } } }], service: 's' },
      },
    });
  return [service, ...Array.from({ length: routes }, (_, i) => route(i))];
}

function toMs(nanoseconds: number): string {
  return (nanoseconds / 1e6).toFixed(0);
}
