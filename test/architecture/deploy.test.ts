import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { root } from './modules.ts';

type Service = {
  readonly build?: { readonly dockerfile: string; readonly target: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, unknown>>;
  readonly volumes?: readonly string[];
};
type Compose = {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
};

const compose = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as Compose;
const dockerfile = readFileSync(join(root, 'deploy', 'Dockerfile'), 'utf8');
const services = Object.entries(compose.services);

/** The settings of a program, as the environment variables that its help lists. */
function readSettings(program: string): string[] {
  const { stdout, status } = spawnSync(process.execPath, [join(root, program), '--help'], { encoding: 'utf8' });
  expect(status, program).toBe(0);
  return [...stdout.matchAll(/SLUICE_[A-Z_]+/g)].map(([name]) => name);
}

describe('the containers', () => {
  test('are two nodes, a control plane, a demo upstream and Postgres', () => {
    expect(Object.keys(compose.services).sort()).toEqual([
      'control-plane',
      'demo-upstream',
      'node-1',
      'node-2',
      'postgres',
    ]);
  });

  test('are built from targets that exist, out of files that exist', () => {
    const targets = new Set([...dockerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, target]) => target));
    for (const [name, { build }] of services) {
      if (build !== undefined) expect(targets, name).toContain(build.target);
    }
    const programs = [...dockerfile.matchAll(/^ENTRYPOINT \["node", "([^"]+)"\]$/gm)].map(([, program]) => program!);
    expect(programs).toHaveLength(4);
    for (const program of programs) expect(() => readFileSync(join(root, program))).not.toThrow();
  });

  test('refer only to services and volumes that exist', () => {
    for (const [name, { depends_on = {}, volumes = [] }] of services) {
      for (const other of Object.keys(depends_on)) expect(Object.keys(compose.services), name).toContain(other);
      for (const volume of volumes) expect(Object.keys(compose.volumes), name).toContain(volume.split(':')[0]);
    }
  });

  test.each([
    { target: 'control-plane', program: 'control-plane/bin/sluice-control-plane.js' },
    { target: 'node', program: 'data-plane/bin/sluice-node.js' },
  ])('set only what the help of $program lists', ({ target, program }) => {
    const stage = dockerfile.split(/^FROM /m).find((text) => text.startsWith(`base AS ${target}\n`));
    const built = services.filter(([, { build }]) => build?.target === target);
    const set = [
      ...[...(stage ?? '').matchAll(/\b(SLUICE_[A-Z_]+)=/g)].map(([, name]) => name!),
      ...built.flatMap(([, { environment = {} }]) => Object.keys(environment)),
    ];
    expect(set.length).toBeGreaterThan(3);
    const known = readSettings(program);
    expect(set.filter((name) => !known.includes(name))).toEqual([]);
  });

  test('run as a user who is not root', () => {
    expect(dockerfile).toMatch(/^USER node$/m);
  });
});

describe('the examples', () => {
  const folder = join(root, 'deploy', 'examples');

  test.each(readdirSync(folder))('%s is a whole configuration without a warning', (name) => {
    const args = [join(root, 'cli/bin/gatewayctl.js'), 'validate', '--strict', '-f', join(folder, name)];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^\d+ resources are valid\n$/);
  });
});
