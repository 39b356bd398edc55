/** Connections that the kernel accepted for a socket that closes: moved to another of the group, or reset. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isMissing } from '../harness/is-missing.ts';
import { root, startProcess } from '../harness/process.ts';
import type { Fates } from './closing-sockets-run.ts';

/** Needs root, or a kernel that lets users make namespaces, and iproute2. */
const namespace = ['unshare', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']), '--net'];
const setUp = 'ip link set lo up && echo "$1" > /proc/sys/net/ipv4/tcp_migrate_req';
const probe = spawnSync(namespace[0]!, [...namespace.slice(1), 'sh', '-c', setUp, 'sh', '1'], { encoding: 'utf8' });
const reason = (probe.stderr || probe.error?.message || '').trim().split('\n')[0];

async function closeSockets(migrate: boolean): Promise<Readonly<Record<'replaced' | 'stalled' | 'takenOver', Fates>>> {
  const script = join(root, 'test', 'e2e', 'closing-sockets-run.ts');
  const inside = [
    ...namespace.slice(1),
    ...['sh', '-c', `${setUp} && shift && exec "$@"`, 'sh', migrate ? '1' : '0'],
    ...[process.execPath, script],
  ];
  await using child = await startProcess({
    name: `closing sockets, migrate ${migrate}`,
    program: namespace[0]!,
    args: inside,
  });
  const [, json] = await child.line(/^FATES (.*)$/m, 150_000);
  return JSON.parse(json!);
}

const lacksPrograms = isMissing('iproute2', spawnSync('ip', ['-V']).status !== 0);
// No program helps where the kernel does not let this user have a namespace.
if (!lacksPrograms && probe.status !== 0) console.log(`skipped: no network namespace can be made here: ${reason}`);

describe.skipIf(probe.status !== 0)('in a network namespace of its own', () => {
  test('with tcp_migrate_req=1 no request is lost, whichever way a socket is closed', async () => {
    const { replaced, stalled, takenOver } = await closeSockets(true);
    expect(replaced.requests).toBeGreaterThan(100);
    expect(takenOver.requests).toBeGreaterThan(20);
    expect([replaced.lost, stalled.lost, takenOver.lost]).toEqual([0, 0, 0]);
  });

  test('without it those are lost that waited for a worker that ended, and hardly any where one leaves', async () => {
    const { replaced, stalled, takenOver } = await closeSockets(false);
    console.log(`lost without tcp_migrate_req: ${JSON.stringify({ replaced, stalled, takenOver })}`);
    // Half of them waited for the worker that was ended.
    expect(stalled.lost).toBeGreaterThan(0);
    expect(replaced.lost).toBeLessThanOrEqual(Math.max(6, replaced.requests / 100));
    expect(takenOver.lost).toBeLessThanOrEqual(Math.max(4, takenOver.requests / 100));
  });
});
