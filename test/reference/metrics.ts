import { join } from 'node:path';
import { parseSettings as controlPlaneSettings, startControlPlane } from '@sluice/control-plane';
import { counterFamilies, histogramFamilies, parseSettings as nodeSettings, startNode } from '@sluice/data-plane';
import { parseManifests } from '@sluice/engine/manifest';
import { ConfigService } from '@sluice/proto';
import { createGrpcClient } from '@sluice/proto/grpc-client';
import { makeTempDir } from '../harness/temp-dir.ts';
import { waitFor } from '../harness/wait-for.ts';
import { code, page, table } from './markdown.ts';

/** The page of metrics, as a node that runs shows them. */
export async function metricsPage(): Promise<string> {
  return page(
    'Metrics',
    "What a node's `/__metrics` shows, in Prometheus' text format.",
    table(
      ['metric', 'type', 'labels', 'meaning'],
      readFamilies(await scrape()).map(({ name, type, labels, help }) => [
        code(name),
        type,
        labels.map(code).join(', '),
        help,
      ]),
    ),
  );
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labels: readonly string[];
}

/** Labels are those described; of what is not kept in tables, those of a sample. */
function readFamilies(text: string): Family[] {
  const described = new Map<string, readonly { readonly name: string }[]>(
    [...counterFamilies, ...histogramFamilies].map(({ name, labels }) => [name, labels]),
  );
  return [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)\n(?:\S+?(?:\{(.*)\})? \S+\n)?/gm)]
    .map(([, name = '', help = '', type = '', sample = '']) => ({
      name,
      help,
      type,
      labels:
        described.get(name)?.map((label) => label.name) ?? [...sample.matchAll(/(\w+)="/g)].map(([, label]) => label!),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const MANIFEST = `
kind: Service
name: any
spec: { endpoints: [{ address: "127.0.0.1:9" }], circuitBreaker: {} }
---
kind: Service
name: found
spec: { discovery: { dns: { name: found.invalid, port: 9 } } }
`;

/** The metrics of a node with a service that has a breaker, and one whose endpoints are found. */
async function scrape(): Promise<string> {
  await using folder = await makeTempDir('reference');
  const controlPlane = await startControlPlane(
    read(
      controlPlaneSettings([
        ...['--listen', '127.0.0.1:0', '--auth', 'none', '--log-level', 'error'],
        ...['--data-dir', join(folder.path, 'data'), '--context-file', join(folder.path, 'contexts.yaml')],
      ]),
    ),
  );
  const config = createGrpcClient(ConfigService, controlPlane.url);
  await config.apply({ resources: parseManifests(MANIFEST, { file: '' }).documents.map(({ resource }) => resource) });
  config.close();
  const node = await startNode(
    read(
      nodeSettings([
        ...['--control-plane', controlPlane.url, '--node-id', 'any', '--workers', '1', '--log-level', 'error'],
        ...['--bind', 'http=127.0.0.1:0', '--admin', '127.0.0.1:0', '--cache-dir', join(folder.path, 'node')],
      ]),
    ),
  );
  try {
    const get = (path: string) => fetch(`http://127.0.0.1:${node.admin.port}${path}`);
    await waitFor('the node is ready', async () => (await get('/__ready')).ok);
    return await (await get('/__metrics')).text();
  } finally {
    await node.kill();

    await controlPlane.close();
  }
}

function read<Settings>(parsed: { kind: 'run'; settings: Settings } | { kind: 'exit'; text: string }): Settings {
  if (parsed.kind === 'run') return parsed.settings;
  throw new Error(parsed.text);
}
