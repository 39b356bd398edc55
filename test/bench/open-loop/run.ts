import { join } from 'node:path';
import { startProcess } from '../../harness/process.ts';
import { cores, onCores } from '../candidate.ts';
import type { Sample } from '../sample.ts';

export type OpenLoad = {
  readonly requestsFile: string;
  readonly perSecond: number;
  readonly seconds: number;
  readonly connections: number;
  readonly seed: number;
};

/** Offers requests at a rate for some seconds and measures the latencies, from a process of its own on the load's core. */
export async function measureOpenLoop(port: number, load: OpenLoad): Promise<Sample> {
  const script = join(import.meta.dirname, 'main.ts');
  const { perSecond, seconds, connections, requestsFile, seed } = load;
  const numbers = [port, perSecond, seconds, connections].map(String);
  const command = [process.execPath, script, ...numbers, requestsFile, String(seed)];
  const [program, ...args] = onCores(cores.load, command);
  await using running = await startProcess({ name: 'open-loop', program, args });
  const { code } = await running.exited;
  if (code !== 0) throw new Error(`open-loop: exit code ${code}\n${running.output()}`);
  return JSON.parse(running.stdout()) as Sample;
}
