import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { writePrivateFile } from './private-file.ts';

/**
 * Names this control plane among those on one database. It stays with the data directory, so that after a restart the nodes it had are
 * known to be gone.
 */
export async function loadReplicaId(dataDir: string): Promise<string> {
  const path = join(dataDir, 'replica-id');
  const kept = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (/^[\w.-]{1,80}$/.test(kept)) return kept;
  const host = hostname()
    .replace(/[^\w.-]/g, '-')
    .slice(0, 60);
  const made = `${host}-${randomBytes(4).toString('hex')}`;
  await writePrivateFile(path, `${made}\n`);
  return made;
}
