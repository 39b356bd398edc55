/**
 * Preloaded into a node (`NODE_OPTIONS=--import`): writes the longest turn of its main thread since its program was loaded to `SCALE_TURNS_FILE`, in
 * milliseconds of the processor. A clock would count what other processes of a shared machine took.
 */
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const LOOK_EVERY_MS = 3;
const WRITE_EVERY_MS = 250;

const file = process.env.SCALE_TURNS_FILE;
if (isMainThread && file !== undefined && process.argv[1]?.endsWith('sluice-node.js') === true) watchTurns(file);

function watchTurns(path: string): void {
  let longestMs = 0;
  let last: NodeJS.CpuUsage | undefined;
  setInterval(() => {
    const used = process.threadCpuUsage();
    // Between two looks there is one turn that takes longer than they are apart, or none.
    if (last !== undefined) longestMs = Math.max(longestMs, (used.user + used.system - last.user - last.system) / 1000);
    last = used;
  }, LOOK_EVERY_MS).unref();
  setInterval(() => writeFileSync(path, String(longestMs)), WRITE_EVERY_MS).unref();
}
