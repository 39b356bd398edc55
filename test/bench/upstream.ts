import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../harness/free-port.ts';
import { cores, pin } from './candidate.ts';
import { dispose, makePrefix, startPeer } from './peer-process.ts';
import type { PeerOptions } from './peers.ts';

/** nginx as the upstream, on the load's core: a small JSON answer everywhere, and bodies of 1 KiB, 100 KiB and 10 MiB. */
export async function startUpstream({
  workers = 1,
  core = cores.load,
}: PeerOptions = {}): Promise<AsyncDisposable & { readonly port: number; readonly pid: number }> {
  const port = await freePort();
  const dir = await makePrefix('upstream');
  for (const [name, bytes] of [
    ['1k', 1 << 10],
    ['100k', 100 << 10],
    ['10m', 10 << 20],
  ] as const) {
    await writeFile(join(dir.path, name), Buffer.alloc(bytes, 'sluice bench '));
  }
  const values = { PORT: port, ROOT: dir.path, WORKERS: workers };
  const process = await startPeer('nginx', 'upstream.nginx.conf', dir, values);
  pin(process.pid, core);
  return { port, pid: process.pid, [Symbol.asyncDispose]: () => dispose([process], dir) };
}
